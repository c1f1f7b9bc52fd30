"""Retries come back untouched, in order and not before their time, whatever breaks on the way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from jobforge.chassis.wire import NotWritten, Partition, Record
from jobforge.contracts.delivery import Delivery
from jobforge.scheduler.moving import Mover
from jobforge.scheduler.retries import GROUP, Retries
from jobforge.scheduler.waits import TIERS
from jobforge.testkit.memory import MemoryLog
from jobforge.testkit.waiting import until

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIVE, THIRTY, JOBS = "jobforge.retry.5s", "jobforge.retry.30s", "jobforge.jobs.echo"
BEFORE = (("traceparent", b"00-1-2-01"), ("jobforge-attempt", b"1"), ("traceparent", b"00-1-3-01"), ("x", b"\xff"))


@dataclass
class Clocks:
    """A wall clock that can jump, and a monotonic one that cannot."""

    now: datetime = AT
    time: float = 1000.0

    def pass_by(self, seconds: float) -> None:
        """Time goes on, on both."""
        self.now += timedelta(seconds=seconds)
        self.time += seconds

    def jump(self, by: timedelta) -> None:
        """Somebody sets the wall clock."""
        self.now += by


@dataclass
class Aside:
    """Takes what can go nowhere; ``down`` times it cannot."""

    records: list[Record] = field(default_factory=list)
    down: int = 0

    async def __call__(self, record: Record, detail: str) -> None:
        if self.down:
            self.down -= 1
            raise NotWritten("not now")
        self.records.append(record)


@dataclass
class Moved:
    """A scheduler's mover over a log in memory."""

    log: MemoryLog
    clocks: Clocks
    aside: Aside
    retries: Retries
    consumer: object

    async def wait(
        self, topic: str, key: bytes, seconds: float, *, back_to: str | None = JOBS, partition: int = 0
    ) -> None:
        """A worker puts a record aside for so many seconds from now."""
        delivery = Delivery(2, self.clocks.now + timedelta(seconds=seconds), back_to, error="x.broke")
        headers = delivery.headers(BEFORE)
        await self.log.publisher().publish(topic, key=key, value=b"v-" + key, headers=headers, partition=partition)

    def back(self, topic: str = JOBS) -> list[bytes | None]:
        """The keys that have come back, in order."""
        return [record.key for record in self.log.records(topic)]

    async def come(self, *keys: bytes, topic: str = JOBS) -> None:
        """Wait until exactly these have come back."""
        await until(lambda: self.back(topic) == list(keys), 5)

    async def stay(self, *keys: bytes) -> None:
        """The mover has looked several times and nothing but these has come back."""
        await asyncio.sleep(0.05)
        assert self.back() == list(keys)

    def committed(self, topic: str = FIVE) -> int | None:
        """What the group committed of partition 0."""
        return self.log.committed(GROUP, Partition(topic, 0))


@asynccontextmanager
async def moving(log: MemoryLog, clocks: Clocks, aside: Aside, timeout: float = 0.05) -> AsyncIterator[Moved]:
    """A member of the group; leaving the context stops it cleanly."""
    mover = Mover(log.publisher(), aside, log.topics, timeout=timeout, clock=lambda: clocks.time)
    retries = Retries(mover, clock=lambda: clocks.time, now=lambda: clocks.now)
    async with log.member(group=GROUP, reader=retries, topics=list(TIERS)) as consumer:
        yield Moved(log, clocks, aside, retries, consumer)


@pytest.fixture
async def moved(log: MemoryLog) -> AsyncIterator[Moved]:
    async with moving(log, Clocks(), Aside()) as made:
        yield made


async def test_a_record_comes_back_untouched_and_not_before_its_time(moved: Moved) -> None:
    """Key and value are not read; attempt, error and trace travel on, what was about the wait does not."""
    await moved.wait(FIVE, b"a", 3, partition=1)
    await moved.stay()
    moved.clocks.pass_by(2.9)
    await moved.stay()
    moved.clocks.pass_by(0.1)
    await moved.come(b"a")
    (record,) = moved.log.records(JOBS)
    assert (record.partition, record.key, record.value) == (1, b"a", b"v-a")
    kept = tuple(header for header in BEFORE if header[0] != "jobforge-attempt")
    assert record.headers == (*kept, ("jobforge-attempt", b"2"), ("jobforge-error", b"x.broke"))


@pytest.mark.parametrize("by", [timedelta(hours=1), timedelta(hours=-1)])
async def test_a_clock_that_jumps_by_an_hour_neither_floods_nor_delays(moved: Moved, by: timedelta) -> None:
    """What waits already waits on as it was; what comes later waits at most its tier's delay."""
    await moved.wait(FIVE, b"a", 4)
    await moved.stay()
    moved.clocks.jump(by)
    await moved.stay()
    moved.clocks.pass_by(3.9)
    await moved.stay()
    moved.clocks.pass_by(0.1)
    await moved.come(b"a")
    moved.clocks.jump(-by)
    await moved.wait(FIVE, b"b", 3600)
    await moved.stay(b"a")
    moved.clocks.pass_by(5)
    await moved.come(b"a", b"b")


async def test_the_order_of_a_partition_is_kept(moved: Moved) -> None:
    """A record behind one that waits longer waits with it; other partitions and tiers go on."""
    await moved.wait(FIVE, b"late", 4)
    await moved.wait(FIVE, b"early", 1)
    await moved.wait(FIVE, b"slow", 1, partition=1, back_to="jobforge.jobs.echo.slow")
    await moved.wait(THIRTY, b"other", 2)
    await moved.stay()
    moved.clocks.pass_by(2)
    await moved.come(b"other")
    await moved.come(b"slow", topic="jobforge.jobs.echo.slow")
    moved.clocks.pass_by(2)
    await moved.come(b"other", b"late", b"early")


async def test_nothing_is_committed_before_it_is_acknowledged(moved: Moved) -> None:
    """While nothing can be written, everything stays where it is; afterwards it moves in order."""
    for key in (b"a", b"b"):
        await moved.wait(FIVE, key, 1)
    await moved.stay()
    moved.log.down = True
    moved.clocks.pass_by(1)
    await moved.stay()
    assert moved.committed() is None
    moved.log.down = False
    await moved.come(b"a", b"b")
    await until(lambda: moved.committed() == 2)


async def test_what_was_not_acknowledged_in_time_is_published_again(moved: Moved) -> None:
    """It may have been written: a repeat is absorbed, a loss would not be."""
    await moved.wait(FIVE, b"a", 1)
    await moved.stay()
    moved.log.mute = True
    moved.clocks.pass_by(1)
    await until(lambda: len(moved.back()) >= 2, 5)
    assert moved.committed() is None
    moved.log.mute = False
    await until(lambda: moved.committed() == 1)
    assert set(moved.back()) == {b"a"}


async def test_a_new_member_moves_what_the_last_one_left(log: MemoryLog) -> None:
    """What was moved and committed is not moved again; what waited waits on."""
    clocks = Clocks()
    async with moving(log, clocks, Aside()) as first:
        await first.wait(FIVE, b"a", 1)
        await first.wait(FIVE, b"b", 5)
        await first.stay()
        clocks.pass_by(1)
        await first.come(b"a")
    assert log.committed(GROUP, Partition(FIVE, 0)) == 1
    async with moving(log, clocks, Aside()) as second:
        await second.stay(b"a")
        clocks.pass_by(4)
        await second.come(b"a", b"b")


async def test_a_record_without_a_way_back_is_set_aside_and_holds_nobody_up(moved: Moved) -> None:
    """No header, a topic of another kind, a domain that is gone: never dropped, and those behind it move."""
    moved.aside.down = 2
    await moved.wait(FIVE, b"a", 1)
    await moved.wait(FIVE, b"none", 1, back_to=None)
    await moved.wait(FIVE, b"bad", 1, back_to="jobforge.runs")
    await moved.wait(FIVE, b"gone", 1, back_to="jobforge.jobs.gone")
    await moved.wait(FIVE, b"b", 1)
    await moved.stay()
    moved.clocks.pass_by(1)
    await moved.come(b"a", b"b")
    assert [record.key for record in moved.aside.records] == [b"none", b"bad", b"gone"]
    await until(lambda: moved.committed() == 5)


async def test_a_retry_with_neither_key_nor_value_does_not_stop_its_partition(moved: Moved) -> None:
    """No producer of ours writes such a record: it is set aside, wherever its headers send it."""
    headers = Delivery(2, moved.clocks.now, JOBS, error="x.broke").headers(BEFORE)
    moved.log.append(FIVE, None, None, headers, 0)
    await moved.wait(FIVE, b"a", 0)
    await moved.come(b"a")
    assert [(record.key, record.value) for record in moved.aside.records] == [(None, None)]
    await until(lambda: moved.committed() == 2)


async def test_a_retry_that_no_topic_takes_does_not_stop_its_partition(moved: Moved) -> None:
    """A compressed batch can bring one that is larger than any record may be."""
    headers = Delivery(2, moved.clocks.now, JOBS, error="x.broke").headers(BEFORE)
    moved.log.append(FIVE, b"large", b"x" * 3_000_000, headers, 0)
    await moved.wait(FIVE, b"a", 0)
    await moved.come(b"a")
    assert [record.key for record in moved.aside.records] == [b"large"]
    await until(lambda: moved.committed() == 2)


async def test_a_partition_that_reads_ahead_too_far_is_paused_and_goes_on(
    moved: Moved, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands that wait are not all held in memory, and all of them come back."""
    monkeypatch.setattr("jobforge.scheduler.retries.LANE_RECORDS", 10)
    monkeypatch.setattr("jobforge.scheduler.retries.RECORDS", 5)
    keys = [str(number).encode() for number in range(60)]
    for key in keys:
        await moved.wait(FIVE, key, 1)
    await moved.stay()
    assert moved.consumer.positions[Partition(FIVE, 0)] <= 15  # type: ignore[attr-defined]
    moved.clocks.pass_by(1)
    await moved.come(*keys)


async def test_the_member_that_holds_the_shortest_tier_tends_the_runs(moved: Moved) -> None:
    """So each partition's runs have one member that looks after them."""
    await until(lambda: moved.retries.tended == frozenset({0, 1}))
    assert moved.log.committed(GROUP, Partition(FIVE, 0)) is None
