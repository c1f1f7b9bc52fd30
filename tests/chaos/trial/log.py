"""Kafka from an operator's side: how far everybody is, where groups stand, and records written by hand."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import ConsumerRecord

from jobforge.contracts.topics import SET_ASIDE_MESSAGE_BYTES

STILL = 1.5
"""Seconds without a new record anywhere after which the plane counts as quiet."""
SHOWN_HEADERS, SHOWN_VALUE = 20, 4000
"""How much of a record ``keep`` writes down."""


@asynccontextmanager
async def reader(bootstrap: str, group: str | None = None) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer that joins nothing."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


@asynccontextmanager
async def writer(bootstrap: str) -> AsyncIterator[AIOKafkaProducer]:
    """A producer that belongs to no service."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_request_size=2 * SET_ASIDE_MESSAGE_BYTES)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def partitions(consumer: AIOKafkaConsumer, topics: Iterable[str] | None = None) -> list[TopicPartition]:
    """Every partition of these topics, or of all topics of the plane."""
    names = set(topics) if topics is not None else {name for name in await consumer.topics() if "jobforge." in name}
    metadata = await consumer._client.fetch_all_metadata()
    return [TopicPartition(name, number) for name in names for number in metadata.partitions_for_topic(name) or ()]


async def ends(bootstrap: str, topics: Iterable[str] | None = None) -> Mapping[TopicPartition, int]:
    """Where each partition ends now."""
    async with reader(bootstrap) as consumer:
        found: Mapping[TopicPartition, int] = await consumer.end_offsets(await partitions(consumer, topics))
        return found


async def read_all(bootstrap: str, topics: Iterable[str]) -> list[ConsumerRecord]:
    """Every record of these topics up to where they end now, partition by partition in the log's order."""
    async with reader(bootstrap) as consumer:
        at = await partitions(consumer, topics)
        targets = {each: end for each, end in (await consumer.end_offsets(at)).items() if end}
        consumer.assign(list(targets))
        await consumer.seek_to_beginning()
        records: list[ConsumerRecord] = []
        while any([await consumer.position(each) < end for each, end in targets.items()]):
            for batch in (await consumer.getmany(timeout_ms=500, max_records=5000)).values():
                records += batch
    return [record for record in records if record.offset < targets[TopicPartition(record.topic, record.partition)]]


async def keep(bootstrap: str, path: Path) -> None:
    """Write every record of the plane to a file, one a line, for whoever looks for the cause of what was found."""
    records = await read_all(bootstrap, {at.topic for at in await ends(bootstrap)})
    with path.open("w", encoding="utf-8") as file:
        for record in sorted(records, key=lambda each: each.timestamp):
            line = {
                "at": f"{record.topic}/{record.partition}@{record.offset}",
                "timestamp": record.timestamp,
                "key": (record.key or b"").decode(errors="replace"),
                "headers": {name: value.decode(errors="replace") for name, value in record.headers[:SHOWN_HEADERS]},
                "value": (record.value or b"").decode(errors="replace")[:SHOWN_VALUE],
            }
            file.write(json.dumps(line) + "\n")


async def groups(bootstrap: str) -> dict[str, Mapping[TopicPartition, int]]:
    """What every consumer group has committed."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        found: dict[str, Mapping[TopicPartition, int]] = {}
        for group, _ in await admin.list_consumer_groups():
            offsets = await admin.list_consumer_group_offsets(group)
            found[group] = {at: held.offset for at, held in offsets.items() if held.offset >= 0}
        return found
    finally:
        await admin.close()


async def rewind(bootstrap: str) -> int:
    """Set every group's offsets to 0; no member may be there. Returns how many offsets were moved."""
    moved = 0
    for group, held in (await groups(bootstrap)).items():
        if held:
            async with reader(bootstrap, group) as consumer:
                consumer.assign(list(held))
                await consumer.commit(dict.fromkeys(held, 0))
            moved += len(held)
    return moved


async def again(bootstrap: str, topics: Iterable[str]) -> int:
    """Write every record of these topics a second time, to the partition it came from; returns how many."""
    records = await read_all(bootstrap, topics)
    async with writer(bootstrap) as producer:
        for record in records:
            headers = list(record.headers)
            await producer.send(record.topic, record.value, key=record.key, partition=record.partition, headers=headers)
    return len(records)


async def quiet(bootstrap: str, *, timeout: float) -> bool:
    """Wait until nobody writes and no group is behind; False when ``timeout`` seconds were not enough."""
    try:
        async with asyncio.timeout(timeout):
            before = await ends(bootstrap)
            while True:
                await asyncio.sleep(STILL)
                now = await ends(bootstrap)
                behind = sum(
                    max(now.get(at, 0) - offset, 0)
                    for held in (await groups(bootstrap)).values()
                    for at, offset in held.items()
                )
                if now == before and not behind:
                    return True
                before = now
    except TimeoutError:
        return False
