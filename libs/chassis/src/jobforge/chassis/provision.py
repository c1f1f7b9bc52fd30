"""Applies the declared topics to Kafka: makes what is missing, refuses what differs and names the setting to change."""

import argparse
import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from jobforge.chassis.control import KafkaControlLog
from jobforge.chassis.control_state import ControlState
from jobforge.chassis.declared_topics import (
    Declared,
    FoundTopic,
    WantedTopic,
    differences,
    offsets_difference,
    settled_difference,
)
from jobforge.contracts.control import AppRegistered, PlaneSettled
from jobforge.contracts.reading import Unreadable
from jobforge.contracts.topics import CONTROL, DEFAULT_PARTITIONS

CONNECT_TIMEOUT = 60.0
"""Seconds to wait for a broker that is still starting."""


class Refused(Exception):
    """Kafka holds something else than what is declared; the message says which setting to change."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done: names of topics made, and whether ``jobforge.control`` was written to."""

    created: tuple[str, ...]
    recorded: int


async def provision(bootstrap: str, declared: Declared, *, partitions: int) -> Applied:
    """Make what is missing and record the plane in ``jobforge.control``; doing it again does nothing.

    Raises ``Refused`` before anything is made, and ``KafkaError`` when no broker answers within a minute.
    """
    admin = await connected(bootstrap, "jobforge-provision")
    try:
        found = await _found(admin)
        state = await _control_state(bootstrap) if CONTROL.name in found else ControlState()
        problems = settled_difference(state.partitions, partitions) or [
            *differences(declared, found, partitions=partitions),
            *offsets_difference(await _offsets_retention(admin)),
        ]
        if problems:
            raise Refused("; ".join(problems))
        missing = [wanted for wanted in declared.topics if wanted.name not in found]
        await _create(admin, missing, partitions)
    finally:
        await admin.close()
    recorded = await _record(bootstrap, state, declared.apps, partitions)
    return Applied(tuple(wanted.name for wanted in missing), recorded)


async def connected(bootstrap: str, client_id: str) -> AIOKafkaAdminClient:
    """A client of a cluster that has a broker: one that just went on may answer and list none, not even itself.

    Raises ``KafkaError`` when there is none within a minute.
    """
    deadline = asyncio.get_running_loop().time() + CONNECT_TIMEOUT
    while True:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id=client_id)
        try:
            await admin.start()
            await admin.describe_cluster()
        except (KafkaError, OSError):
            await admin.close()
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.5)
        else:
            return admin


async def _found(admin: AIOKafkaAdminClient) -> dict[str, FoundTopic]:
    described = [topic for topic in await admin.describe_topics() if topic["topic"].startswith("jobforge.")]
    names = [topic["topic"] for topic in described]
    settings = await _describe(admin, [ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    return {t["topic"]: FoundTopic(len(t["partitions"]), settings.get(t["topic"], {})) for t in described}


async def _offsets_retention(admin: AIOKafkaAdminClient) -> str | None:
    broker = str((await admin.describe_cluster())["brokers"][0]["node_id"])
    told = await _describe(admin, [ConfigResource(ConfigResourceType.BROKER, broker)])
    return told.get(broker, {}).get("offsets.retention.minutes")


async def _describe(admin: AIOKafkaAdminClient, resources: list[ConfigResource]) -> dict[str, dict[str, str]]:
    """The settings of each resource by its name."""
    if not resources:
        return {}
    answers: list[Any] = await admin.describe_configs(resources)
    return {
        resource[3]: {entry[0]: entry[1] for entry in resource[4]}
        for answer in answers
        for resource in answer.resources
        if resource[0] == 0
    }


async def _create(admin: AIOKafkaAdminClient, missing: list[WantedTopic], partitions: int) -> None:
    """Create topics and wait until each partition has a leader; one that another made meanwhile is as good."""
    if not missing:
        return
    copies = min(3, len((await admin.describe_cluster())["brokers"]))
    answer = await admin.create_topics(
        [
            NewTopic(topic.name, topic.partitions or partitions, copies, topic_configs=topic.settings())
            for topic in missing
        ]
    )
    for name, code, *message in answer.topic_errors:
        if code not in (0, TopicAlreadyExistsError.errno):
            raise Refused(f"{name} could not be made: {for_code(code).__name__} {' '.join(filter(None, message))}")
    names = {topic.name for topic in missing}
    async with asyncio.timeout(30):
        while not await _all_led(admin, names):  # noqa: ASYNC110 - Kafka tells nobody, it must be asked
            await asyncio.sleep(0.05)


async def _all_led(admin: AIOKafkaAdminClient, names: set[str]) -> bool:
    described = await admin.describe_topics(sorted(names))
    return all(
        not topic["error_code"] and topic["partitions"] and all(part["leader"] >= 0 for part in topic["partitions"])
        for topic in described
    )


async def _control_state(bootstrap: str) -> ControlState:
    log = KafkaControlLog(bootstrap)
    state = ControlState()
    async with asyncio.timeout(30):
        await log.open()
        try:
            while not await log.at_end():
                for _, key, value in await log.read():
                    try:
                        state = state.after(key, value)
                    except Unreadable:
                        continue
        finally:
            await log.close()
    return state


async def _record(bootstrap: str, state: ControlState, apps: tuple[str, ...], partitions: int) -> int:
    messages: list[PlaneSettled | AppRegistered] = [] if state.partitions else [PlaneSettled(partitions=partitions)]
    messages += [AppRegistered(source_app=app) for app in apps if app not in state.apps]
    if not messages:
        return 0
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, client_id="jobforge-provision", acks="all")
    await producer.start()
    try:
        for message in messages:
            await producer.send_and_wait(CONTROL.name, value=message.to_bytes(), key=message.key, partition=0)
    finally:
        await producer.stop()
    return len(messages)


def main(arguments: list[str] | None = None) -> int:
    """Apply ``topics.yaml``; exit code 1, and the reason on standard error, when it is refused."""
    parser = argparse.ArgumentParser(prog="jobforge.chassis.provision", description=__doc__)
    parser.add_argument("--topics", type=Path, required=True)
    parser.add_argument("--bootstrap", default=os.environ.get("JOBFORGE_KAFKA_BOOTSTRAP", "127.0.0.1:9092"))
    parser.add_argument(
        "--partitions", type=int, default=int(os.environ.get("JOBFORGE_PARTITIONS") or DEFAULT_PARTITIONS)
    )
    chosen = parser.parse_args(arguments)
    try:
        applied = asyncio.run(provision(chosen.bootstrap, Declared.read(chosen.topics), partitions=chosen.partitions))
    except Refused as refused:
        sys.stderr.write(f"topics refused: {refused}\n")
        return 1
    sys.stdout.write(f"topics: {len(applied.created)} made, {applied.recorded} records in {CONTROL.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
