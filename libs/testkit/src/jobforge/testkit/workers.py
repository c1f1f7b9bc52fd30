"""Workers of the echo domain as real processes, with a hand on the log they read and write."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, ConsumerRecord

from jobforge.chassis.kafka import Kafka
from jobforge.chassis.settings import Settings
from jobforge.chassis.telemetry import Telemetry
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.runs import RUN_RECORDS, RunFailed, RunSucceeded
from jobforge.testkit.backends import Plane
from jobforge.testkit.builders import job_requested, publish_job
from jobforge.testkit.processes import Services


@dataclass(frozen=True)
class Workers:
    """Service processes, and the log between them."""

    plane: Plane
    services: Services
    kafka: Kafka
    logs: Path

    async def request(self, *requests: JobRequested) -> list[UUID]:
        """Publish requests, as ingestion would; returns their run ids."""
        await asyncio.gather(
            *(publish_job(self.kafka.publisher, r, partitions=self.plane.partitions) for r in requests)
        )
        return [request.run_id for request in requests]

    async def ask(self, count: int, **inputs: Any) -> list[UUID]:
        """Request ``count`` jobs with the same inputs."""
        return await self.request(*(job_requested({"message": str(n), **inputs}) for n in range(count)))

    async def read(self, topic: str) -> list[ConsumerRecord[bytes, bytes]]:
        """Everything a topic holds now."""
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=self.plane.kafka_bootstrap, auto_offset_reset="earliest")
        await consumer.start()
        found = []
        try:
            ends = await consumer.end_offsets(consumer.assignment())
            while any([await consumer.position(at) < end for at, end in ends.items()]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found.extend(records)
        finally:
            await consumer.stop()
        return found

    async def outcomes(self) -> list[RunSucceeded | RunFailed]:
        """The terminal records in the log."""
        parsed = [RUN_RECORDS.validate_json(record.value) for record in await self.read("jobforge.runs")]
        return [record for record in parsed if isinstance(record, RunSucceeded | RunFailed)]

    async def ended(self, ids: list[UUID], *, timeout: float = 40) -> Counter[UUID]:
        """Wait until each of these runs has ended; returns how many terminal records each has."""
        missing = set(ids)
        try:
            async with asyncio.timeout(timeout):
                while missing:
                    counted = Counter(outcome.run_id for outcome in await self.outcomes())
                    missing = set(ids) - counted.keys()
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise AssertionError(f"{len(missing)} of {len(ids)} runs did not end within {timeout:g} s") from None
        return counted

    def log(self, name: str) -> str:
        """What a service has logged."""
        return (self.logs / f"{name}.log").read_text()


@asynccontextmanager
async def on(plane: Plane, folder: Path) -> AsyncIterator[Workers]:
    """A connection to a plane, and its services in a folder."""
    artifacts = folder / "artifacts"
    artifacts.mkdir()
    settings = Settings(kafka_bootstrap=plane.kafka_bootstrap, partitions=plane.partitions)
    kafka = Kafka(settings, service="test", telemetry=Telemetry(service="test", version="0", endpoint=None))
    async with Services(plane.environment(artifacts=artifacts), logs=folder / "logs") as services:
        await kafka.start()
        try:
            yield Workers(plane, services, kafka, folder / "logs")
        finally:
            plane.mend()
            await kafka.stop()
