"""Usage is stored before it is committed, so a crash between the two costs nothing and doubles nothing."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest

from jobforge.chassis.artifacts import StoreUnavailable
from jobforge.chassis.wire import Partition
from jobforge.keys.feed import GROUP, TOPIC, UsageFeed
from jobforge.keys.totals import Counts, Question, add_up
from jobforge.keys.usage_store import UsageStore
from jobforge.testkit.memory import MemoryLog
from jobforge.testkit.waiting import until

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = (datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC))
Usage = Callable[..., bytes]


@pytest.fixture
def log() -> MemoryLog:
    """Two partitions."""
    return MemoryLog({TOPIC: 2})


def tell(log: MemoryLog, *values: bytes, partition: int = 0) -> None:
    """Write records."""
    for value in values:
        log.append(TOPIC, b"k", value, (), partition)


def counts(store: UsageStore) -> Counts:
    """Of the day."""
    return add_up(store.url, Question("acme", DAY, ("day",))).counts


async def committed(log: MemoryLog, *offsets: int) -> None:
    """Wait for these commits."""

    async def there() -> bool:
        return [log.committed(GROUP, Partition(TOPIC, number)) for number in range(len(offsets))] == list(offsets)

    await until(there, timeout=60)


async def test_what_is_committed_is_stored(log: MemoryLog, store: UsageStore, usage: Usage) -> None:
    """Of every partition; other events and unreadable records are passed over, and committed too."""
    tell(log, usage(at=NOON), b"{not json", usage(at=NOON, event_type="keys.key.rotated"), usage(at=NOON))
    tell(log, usage(at=NOON), partition=1)
    async with log.member(group=GROUP, reader=UsageFeed(store), topics=[TOPIC]):
        await committed(log, 4, 1)
        assert counts(store) == Counts(events=3)


class DiesBeforeItsCommit(Exception):
    """The process is gone."""


async def test_a_crash_between_storing_and_committing_loses_and_doubles_nothing(
    log: MemoryLog, store: UsageStore, usage: Usage
) -> None:
    """The next process reads the same records again, and more beside them."""
    tell(log, *(usage(at=NOON) for _ in range(5)))
    feed = UsageFeed(store)
    async with log.member(group=GROUP, reader=feed, topics=[TOPIC]) as consumer:
        died = asyncio.Event()

        async def dies(offsets: Mapping[Partition, int]) -> None:
            died.set()
            await asyncio.Event().wait()

        consumer.commit = dies  # type: ignore[method-assign]
        await died.wait()
        assert counts(store) == Counts(events=5)
    assert log.committed(GROUP, Partition(TOPIC, 0)) is None
    tell(log, *(usage(at=NOON) for _ in range(3)))
    async with log.member(group=GROUP, reader=UsageFeed(store), topics=[TOPIC]):
        await committed(log, 8)
        assert counts(store) == Counts(events=8)


class AwayOnce(UsageStore):
    """Cannot be reached at first."""

    away = True

    async def put(self, files: Mapping[str, bytes]) -> None:
        """Fails once, half done."""
        if self.away:
            self.away = False
            await super().put(dict(list(files.items())[:1]))
            raise StoreUnavailable("the disk is full")
        await super().put(files)


async def test_a_store_that_is_away_is_tried_again_and_nothing_is_committed_meanwhile(
    log: MemoryLog, store: UsageStore, usage: Usage
) -> None:
    """What was half stored is replaced."""
    tell(log, usage(at=NOON), usage(at=NOON.replace(hour=1)), usage(at=NOON.replace(hour=2)))
    async with log.member(group=GROUP, reader=UsageFeed(AwayOnce(store.url)), topics=[TOPIC]):
        await committed(log, 3)
        assert counts(store) == Counts(events=3)


async def test_a_rebalance_loses_and_doubles_nothing(log: MemoryLog, store: UsageStore, usage: Usage) -> None:
    """A second member comes while events come."""
    async with log.member(group=GROUP, reader=UsageFeed(store), topics=[TOPIC]):
        for number in range(20):
            tell(log, usage(at=NOON), partition=number % 2)
        async with log.member(group=GROUP, reader=UsageFeed(store), topics=[TOPIC]):
            for number in range(20):
                tell(log, usage(at=NOON), partition=number % 2)
            await committed(log, 20, 20)
            found = counts(store)
    assert found.events == 40
    assert found.repeated == 0
