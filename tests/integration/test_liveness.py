"""Whether a service says so when it no longer reads, on real Kafka: a supervisor restarts what says so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from jobforge.chassis.faststream_adapter import POLL_SILENCE, LogSubscriber
from jobforge.chassis.kafka import Kafka
from jobforge.chassis.settings import Settings
from jobforge.chassis.telemetry import Telemetry
from jobforge.chassis.wire import Consumer, Partition
from jobforge.contracts.jobs import JobRequested
from jobforge.testkit.backends import Plane
from jobforge.testkit.waiting import until


class Polling:
    """A reader that only polls."""

    async def assigned(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """See ``Reader``."""

    async def revoked(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """See ``Reader``."""

    async def run(self, consumer: Consumer) -> None:
        """See ``Reader``."""
        while True:
            await consumer.poll(timeout=0.05, max_records=10)

    async def drain(self, consumer: Consumer) -> None:
        """See ``Reader``."""


@asynccontextmanager
async def reading(plane: Plane) -> AsyncIterator[tuple[Kafka, LogSubscriber]]:
    """A started service that reads, and lives."""
    settings = Settings(kafka_bootstrap=plane.kafka_bootstrap, partitions=plane.partitions)
    kafka = Kafka(settings, service="live", telemetry=Telemetry(service="live", version="0", endpoint=None))
    reader = kafka.read(Polling(), group="live", topics=["jobforge.jobs.echo"], message=JobRequested, title="live")
    await kafka.start()
    try:
        await until(lambda: len(reader.assignment) == plane.partitions and not reader.problems())
        yield kafka, reader
    finally:
        await kafka.stop()


async def cancelled(task: "asyncio.Task[None]") -> None:
    """Cancel a task and wait until it has ended."""
    task.cancel()
    await asyncio.wait([task])


async def test_liveness_notices_dead_group_coordination_where_a_ping_does_not(clean_plane: Plane) -> None:
    """A member whose coordination died keeps its connection and reads nothing any more."""
    async with reading(clean_plane) as (kafka, reader):
        assert reader.consumer is not None
        await cancelled(reader.consumer._coordinator._coordination_task)
        assert await kafka.broker.ping(timeout=2)
        with pytest.raises(RuntimeError, match="coordination is dead"):
            await kafka.consumers_alive()


async def test_liveness_notices_dead_fetching(clean_plane: Plane) -> None:
    """Nothing would come any more."""
    async with reading(clean_plane) as (kafka, reader):
        assert reader.consumer is not None
        await cancelled(reader.consumer._fetcher._fetch_task)
        with pytest.raises(RuntimeError, match="fetching is dead"):
            await kafka.consumers_alive()


async def test_liveness_notices_that_nobody_asks_for_metadata_any_more(clean_plane: Plane) -> None:
    """A coordinator that moves would never be found again, and commits would fail for ever."""
    async with reading(clean_plane) as (kafka, reader):
        assert reader.consumer is not None
        await cancelled(reader.consumer._client._sync_task)
        with pytest.raises(RuntimeError, match="nobody asks for metadata"):
            await kafka.consumers_alive()


async def test_liveness_notices_a_dead_reader(clean_plane: Plane) -> None:
    """The consumer is well, and nobody polls it."""
    async with reading(clean_plane) as (kafka, reader):
        assert reader._run is not None
        await cancelled(reader._run)
        with pytest.raises(RuntimeError, match="nothing reads"):
            await kafka.consumers_alive()


async def test_liveness_notices_that_nothing_was_polled_for_a_minute(clean_plane: Plane) -> None:
    """The reader lives and hangs; a poll that comes again heals it."""
    async with reading(clean_plane) as (kafka, reader):
        assert reader.wire is not None
        assert reader._run is not None
        hung = reader.wire.polled_at - POLL_SILENCE - 1
        await cancelled(reader._run)
        reader._run = asyncio.create_task(asyncio.sleep(3600))  # alive, never polls
        reader.wire.polled_at = hung
        with pytest.raises(RuntimeError, match="no poll for 6"):
            await kafka.consumers_alive()
        await reader.wire.poll(timeout=0.05, max_records=1)
        await kafka.consumers_alive()
        await cancelled(reader._run)


async def test_a_broker_that_is_away_in_a_rebalance_does_not_stop_the_poll(clean_plane: Plane) -> None:
    """A poll that waited for the new assignment would look dead, and the service be restarted for Kafka's fault."""
    async with reading(clean_plane) as (_, reader):
        assert reader.wire is not None
        assert reader.consumer is not None
        await asyncio.to_thread(clean_plane.kafka.kill)
        reader.consumer._subscription.begin_reassignment()
        await asyncio.sleep(0.2)
        polled = reader.wire.polled_at
        await until(lambda: reader.wire is not None and reader.wire.polled_at > polled, timeout=5)
        await asyncio.to_thread(clean_plane.kafka.start)
