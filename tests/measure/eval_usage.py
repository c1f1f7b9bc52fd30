"""How fast and how exactly the plane adds up a million usage events, against a count of their own.

The events are written to their topic, some of them twice; once the keys service has stored them, they are added up by
hour and by day, and every sum is compared.
"""

import asyncio
import csv
import io
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
from aiokafka import AIOKafkaProducer
from figures import Figure, below
from running import TENANT, completed

from jobforge.client import AsyncJobForgeClient
from jobforge.keys.errors import UsageBehind
from jobforge.keys.usage_log import UsageLog
from jobforge.testkit.backends import Plane
from jobforge.testkit.processes import ServiceProcess, Services

TOPIC = "jobforge.events.keys"
KEYS = 200
DAY = datetime(2026, 11, 23, tzinfo=UTC)
MIB = 1024 * 1024
REPEATED = 50
"""One in so many events is sent twice."""


@dataclass
class Expected:
    """What somebody counts who sees each event once."""

    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    transferred: Counter[tuple[str, int]] = field(default_factory=Counter)
    repeated: int = 0


async def measure(plane: Plane, folder: Path, data: Path, events: int = 1_000_000) -> list[Figure]:
    """Start, write, wait, add up; nothing of ``data`` is needed."""
    async with Services(plane.environment(artifacts=folder / "artifacts"), logs=folder / "logs") as services:
        await services.start("ingestion", "manifest", "keys", timeout=300)
        keys = services["keys"]
        figures = [below("usage: service idle, MiB", keys.resident_bytes / MIB, 250)]
        began = time.monotonic()
        async with Peak(keys) as feeding:
            expected = await write(plane.kafka_bootstrap, events)
            wrote = time.monotonic() - began
            await stored(plane.kafka_bootstrap)
        took = time.monotonic() - began
        figures += [
            Figure("usage: events written to Kafka, seconds", "", f"{wrote:.1f}", True),
            Figure("usage: events stored and committed, seconds", "", f"{took:.1f}", True),
            Figure("usage: service and children while storing, MiB", "", f"{feeding.most / MIB:.0f}", True),
        ]
        doors = {"url": services["ingestion"].url, "query_url": services["manifest"].url}
        async with AsyncJobForgeClient(**doors, timeout=600) as client:
            for granularity in ("hourly", "daily"):
                async with Peak(keys) as adding:
                    began = time.monotonic()
                    run_id, outputs = await aggregated(client, granularity)
                    took = time.monotonic() - began
                table = (await client.get_artifact(run_id, "usage.csv", TENANT)).decode()
                figures += [
                    below(f"usage: {events:,} events added up {granularity}, seconds", took, 10),
                    below("usage: service and children meanwhile, MiB", adding.most / MIB, 500),
                    *compared(outputs, table, expected, events, granularity),
                ]
    return figures


async def write(bootstrap: str, events: int) -> Expected:
    """Write a day of events, some of them twice, and count them."""
    dice = random.Random(11)
    expected = Expected()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=20, max_batch_size=512 * 1024)
    await producer.start()
    try:
        for number in range(events):
            key, requests, transferred = f"key-{dice.randrange(KEYS)}", dice.randrange(100), dice.randrange(1 << 20)
            at = DAY + timedelta(days=1) * number / events
            value = record(UUID(int=dice.getrandbits(128)), key, requests, transferred, at)
            sent = await producer.send(TOPIC, value, key=f"keys:{TENANT}:{key}".encode())
            if number % REPEATED == 0:
                sent = await producer.send(TOPIC, value, key=f"keys:{TENANT}:{key}".encode())
                expected.repeated += 1
            expected.requests[key, at.hour] += requests
            expected.transferred[key, at.hour] += transferred
        await sent
        await producer.flush()
    finally:
        await producer.stop()
    return expected


def record(event_id: UUID, key: str, requests: int, transferred: int, at: datetime) -> bytes:
    """An accepted event as the door writes it."""
    when = f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"
    return (
        f'{{"schema_version":1,"event_id":"{event_id}","tenant_id":"{TENANT}","event_type":"keys.usage.recorded",'
        f'"trace_id":"trace_1763938000001_k3x9q2m7a","source_app":"keys","source_module":"core",'
        f'"subject":{{"type":"api_key","id":"{key}"}},"payload":{{"key_id":"{key}","requests":{requests},'
        f'"bytes_transferred":{transferred}}},"contains_pii":false,"occurred_at":"{when}","received_at":"{when}"}}'
    ).encode()


async def stored(bootstrap: str) -> None:
    """Wait as a job does, as long as it takes."""
    while True:
        try:
            return await UsageLog(bootstrap).stored()
        except UsageBehind as error:
            print(error, flush=True)


async def aggregated(client: AsyncJobForgeClient, granularity: str) -> tuple[str, dict[str, Any]]:
    """A job and its outputs; one that fails ends the measurement."""
    inputs = {"period": f"{DAY:%Y-%m-%d}", "granularity": granularity}
    manifest, outputs = await completed(client, "keys.usage.aggregate", inputs, timeout=600)
    return str(manifest.run_id), outputs


def compared(outputs: dict[str, Any], table: str, expected: Expected, events: int, granularity: str) -> list[Figure]:
    """How many sums differ from those counted here."""
    requests: Counter[tuple[str, int]] = Counter()
    transferred: Counter[tuple[str, int]] = Counter()
    for row in csv.DictReader(io.StringIO(table)):
        at = row["key_id"], datetime.fromisoformat(row["bucket_start"]).hour
        requests[at] += int(row["requests"])
        transferred[at] += int(row["bytes_transferred"])
    wanted = (expected.requests, expected.transferred)
    if granularity == "daily":
        wanted = (by_day(expected.requests), by_day(expected.transferred))
    wrong = sum(
        (found - want).total() + (want - found).total()
        for found, want in zip((requests, transferred), wanted, strict=True)
    )
    said = (outputs["events"], outputs["repeated_events"], outputs["requests"])
    counted = (events, expected.repeated, expected.requests.total())
    return [
        Figure("usage: difference to an independent count", "0", str(wrong), wrong == 0),
        Figure(
            "usage: events, repeats, requests as counted",
            "yes",
            "yes" if said == counted else str(said),
            said == counted,
        ),
    ]


def by_day(sums: Counter[tuple[str, int]]) -> Counter[tuple[str, int]]:
    """Of the whole day, which begins with hour 0."""
    found: Counter[tuple[str, int]] = Counter()
    for (key, _), number in sums.items():
        found[key, 0] += number
    return found


class Peak:
    """The most memory, resident bytes, that a service and its children held while the block ran."""

    def __init__(self, service: ServiceProcess) -> None:
        self._process = psutil.Process(service.pid)
        self.most = 0

    async def __aenter__(self) -> "Peak":
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _watch(self) -> None:
        while True:
            held = 0
            for process in [self._process, *self._process.children(recursive=True)]:
                try:
                    held += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.most = max(self.most, held)
            await asyncio.sleep(0.05)
