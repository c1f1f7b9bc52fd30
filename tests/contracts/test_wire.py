"""One suite for everything that calls itself a wire: the log in memory, and Kafka behind FastStream."""

import gc
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import pytest

from jobforge.chassis.kafka import Kafka
from jobforge.chassis.settings import Settings
from jobforge.chassis.telemetry import Telemetry
from jobforge.chassis.wire import (
    Consumer,
    NotAssigned,
    NotWritten,
    Partition,
    Publisher,
    Reader,
    Record,
    TooLargeToWrite,
)
from jobforge.contracts.identity import partition_of
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.topics import SET_ASIDE_MESSAGE_BYTES
from jobforge.testkit.backends import Plane
from jobforge.testkit.memory import MemoryLog
from jobforge.testkit.waiting import until

TOPIC = "jobforge.jobs.echo"
PARTITIONS = 8


class Wire(Protocol):
    """What the suite needs: a publisher, and members of groups."""

    publisher: Publisher

    def member(self, group: str, reader: Reader) -> AbstractAsyncContextManager[object]:
        """A group member that reads TOPIC for as long as the context lasts."""
        ...


class MemoryWire:
    """The wire of the testkit."""

    def __init__(self) -> None:
        self._log = MemoryLog({TOPIC: PARTITIONS})
        self.publisher: Publisher = self._log.publisher()

    def member(self, group: str, reader: Reader) -> AbstractAsyncContextManager[object]:
        """See ``Wire``."""
        return self._log.member(group=group, reader=reader, topics=[TOPIC])


class KafkaWire:
    """The wire of the services."""

    def __init__(self, plane: Plane, kafka: Kafka) -> None:
        self._plane = plane
        self.publisher = kafka.publisher

    @asynccontextmanager
    async def member(self, group: str, reader: Reader) -> AsyncIterator[object]:
        """See ``Wire``."""
        kafka = connection(self._plane)
        kafka.read(reader, group=group, topics=[TOPIC], message=JobRequested, title="suite")
        await kafka.start()
        try:
            yield kafka
        finally:
            await kafka.stop()


def connection(plane: Plane) -> Kafka:
    """A Kafka that is not started."""
    settings = Settings(kafka_bootstrap=plane.kafka_bootstrap, partitions=PARTITIONS, publish_timeout=5)
    return Kafka(settings, service="suite", telemetry=Telemetry(service="suite", version="0", endpoint=None))


@pytest.fixture(params=["memory", "kafka"])
async def wire(request: pytest.FixtureRequest) -> AsyncIterator[Wire]:
    """Each wire in turn, with an empty TOPIC."""
    if request.param == "memory":
        yield MemoryWire()
        return
    plane: Plane = request.getfixturevalue("plane")
    await plane.reset()
    kafka = connection(plane)
    await kafka.start()
    try:
        yield KafkaWire(plane, kafka)
    finally:
        await kafka.stop()


class Collector:
    """A reader that keeps what it reads and what it was told; it commits only when asked."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.held: set[Partition] = set()
        self.told: list[str] = []
        self.consumer: Consumer | None = None

    async def assigned(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """See ``Reader``."""
        self.consumer = consumer
        self.held |= partitions
        self.told.append("assigned")

    async def revoked(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """See ``Reader``."""
        self.held -= partitions
        self.told.append("revoked")

    async def run(self, consumer: Consumer) -> None:
        """See ``Reader``."""
        while True:
            for records in (await consumer.poll(timeout=0.02, max_records=100)).values():
                self.records.extend(records)

    async def drain(self, consumer: Consumer) -> None:
        """See ``Reader``."""
        self.told.append("drained")

    @property
    def wired(self) -> Consumer:
        """The consumer it was given."""
        assert self.consumer is not None
        return self.consumer


async def fill(wire: Wire, count: int, partition: int = 0) -> None:
    """Publish ``count`` numbered records to one partition."""
    for number in range(count):
        await wire.publisher.publish(TOPIC, key=b"k", value=b"%d" % number, partition=partition)


async def test_records_come_back_byte_for_byte_and_in_order(wire: Wire) -> None:
    """Key, value and headers, with bytes that are no text and a header name used twice."""
    headers = (("a", b"\xff\x00"), ("b", b""), ("a", b"2"))
    first = await wire.publisher.publish(TOPIC, key=b"\x00k", value=b"\xfe", headers=headers, partition=3)
    second = await wire.publisher.publish(TOPIC, key=None, value=b"v", partition=3)
    reader = Collector()
    async with wire.member("g", reader):
        await until(lambda: len(reader.records) == 2)
    one, two = reader.records
    assert (one.key, one.value, one.headers, one.at) == (b"\x00k", b"\xfe", headers, Partition(TOPIC, 3))
    assert (two.key, two.value) == (None, b"v")
    assert (one.offset, two.offset) == (first.offset, second.offset)
    assert second.offset == first.offset + 1


async def test_a_key_without_a_partition_goes_where_the_plane_says(wire: Wire) -> None:
    """Any Kafka client's default partitioner and ours agree."""
    for key in (b"acme:1", b"acme:22", b"x"):
        at = await wire.publisher.publish(TOPIC, key=key, value=b"")
        assert at.partition == partition_of(key, PARTITIONS)


async def test_what_is_sent_first_stands_first(wire: Wire) -> None:
    """Records handed over without waiting keep their order within a partition."""
    sent = [await wire.publisher.send(TOPIC, key=b"k", value=b"%d" % n, partition=1) for n in range(50)]
    offsets = [(await acknowledged).offset for acknowledged in sent]
    assert offsets == sorted(offsets)


async def test_an_acknowledgement_that_nobody_awaits_leaves_no_warning(
    wire: Wire, recwarn: pytest.WarningsRecorder
) -> None:
    """Starts and progress of runs are sent so; a warning each would be most of a worker's log."""
    await wire.publisher.send(TOPIC, key=b"k", value=b"1", partition=1)
    await wire.publisher.publish(TOPIC, key=b"k", value=b"2", partition=1)
    gc.collect()
    assert [str(warning.message) for warning in recwarn if warning.category is RuntimeWarning] == []


async def test_publishing_to_a_topic_that_does_not_exist_is_not_written(wire: Wire) -> None:
    """It fails within the time-out and says so."""
    with pytest.raises(NotWritten):
        await wire.publisher.publish("jobforge.nowhere", key=b"k", value=b"v")


@pytest.mark.parametrize("by", ["publish", "send"])
async def test_a_record_that_is_too_large_is_told_from_a_log_that_is_away(wire: Wire, by: str) -> None:
    """Another try would never help."""
    with pytest.raises(TooLargeToWrite):
        await getattr(wire.publisher, by)(TOPIC, key=b"k", value=b"x" * SET_ASIDE_MESSAGE_BYTES, partition=0)


async def test_a_new_group_reads_from_the_start_and_a_known_one_from_its_commit(wire: Wire) -> None:
    """What was committed is not read again; what was not, is."""
    await fill(wire, 10)
    at = Partition(TOPIC, 0)
    first = Collector()
    async with wire.member("g", first):
        await until(lambda: len(first.records) == 10)
        assert await first.wired.committed(at) is None
        await first.wired.commit({at: 4})
        assert await first.wired.committed(at) == 4
    second = Collector()
    async with wire.member("g", second):
        await until(lambda: len(second.records) == 6)
    assert [record.value for record in second.records] == [b"4", b"5", b"6", b"7", b"8", b"9"]


async def test_nothing_is_committed_by_leaving(wire: Wire) -> None:
    """A member that goes without a commit leaves everything to the next one."""
    await fill(wire, 5)
    for _ in range(2):
        reader = Collector()
        async with wire.member("g", reader):
            await until(lambda: len(reader.records) == 5)  # noqa: B023 - awaited inside the loop's turn
        assert reader.told[-1] in {"drained", "revoked"}


async def test_a_paused_partition_stays_silent_and_loses_nothing(wire: Wire) -> None:
    """Others go on; after resume the paused one continues where it stood."""
    reader = Collector()
    async with wire.member("g", reader):
        await until(lambda: len(reader.held) == PARTITIONS)
        reader.wired.pause([Partition(TOPIC, 0)])
        await fill(wire, 3, partition=0)
        await fill(wire, 3, partition=1)
        await until(lambda: len(reader.records) == 3)
        assert {record.partition for record in reader.records} == {1}
        reader.wired.resume([Partition(TOPIC, 0)])
        await until(lambda: len(reader.records) == 6)


async def test_seek_reads_again_from_there(wire: Wire) -> None:
    """A reader may go back."""
    await fill(wire, 5)
    reader = Collector()
    async with wire.member("g", reader):
        await until(lambda: len(reader.records) == 5)
        reader.wired.seek(Partition(TOPIC, 0), 3)
        await until(lambda: len(reader.records) == 7)
    assert [record.offset for record in reader.records[5:]] == [3, 4]


async def test_bounds_are_the_first_offset_and_the_one_after_the_last(wire: Wire) -> None:
    """Also of a partition that holds nothing."""
    await fill(wire, 4)
    reader = Collector()
    async with wire.member("g", reader):
        await until(lambda: len(reader.held) == PARTITIONS)
        found = await reader.wired.bounds([Partition(TOPIC, 0), Partition(TOPIC, 5)])
    assert found == {Partition(TOPIC, 0): (0, 4), Partition(TOPIC, 5): (0, 0)}


async def test_two_members_share_every_partition_once(wire: Wire) -> None:
    """The first one is told what it loses; when the second leaves, it holds everything again."""
    one, two = Collector(), Collector()
    async with wire.member("g", one):
        await until(lambda: len(one.held) == PARTITIONS)
        async with wire.member("g", two):
            await until(lambda: len(one.held) + len(two.held) == PARTITIONS and bool(two.held))
            assert not one.held & two.held
            assert "revoked" in one.told
        await until(lambda: len(one.held) == PARTITIONS)


async def test_a_commit_after_losing_the_partition_is_refused(wire: Wire) -> None:
    """The new owner's work is not overwritten by the old one's."""
    await fill(wire, 3)
    one, two = Collector(), Collector()
    async with wire.member("g", one):
        await until(lambda: len(one.held) == PARTITIONS)
        async with wire.member("g", two):
            await until(lambda: len(one.held) + len(two.held) == PARTITIONS and bool(two.held))
            with pytest.raises(NotAssigned):
                await one.wired.commit({next(iter(two.held)): 1})
