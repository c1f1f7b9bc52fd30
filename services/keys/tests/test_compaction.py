"""Small files become one, and no reader ever misses a row or counts it twice meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobforge.chassis.wire import Partition
from jobforge.execution.children import Children
from jobforge.keys.compaction import KEPT, MANY, QUIET, SMALL, plan
from jobforge.keys.feed import TOPIC
from jobforge.keys.tidying import Tidying
from jobforge.keys.totals import Counts, Question, add_up
from jobforge.keys.usage_files import UsageFile, file_name, hour_folder, parsed, superseded
from jobforge.keys.usage_store import UsageStore

Keep = Callable[..., Awaitable[list[str]]]
Usage = Callable[..., bytes]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
FOLDER = "usage/acme/2026-11-23/12"
MINE = [(TOPIC, 0)]
DAY = (datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC))


def file(first: int, last: int, *, partition: int = 0, size: int = 1000, age: float = 0) -> UsageFile:
    """A file of that many seconds."""
    return UsageFile(FOLDER, TOPIC, partition, first, last, size, NOW - timedelta(seconds=age))


def test_a_path_says_what_its_file_covers() -> None:
    """And comes back from what it says."""
    path = f"{FOLDER}/{file_name(TOPIC, 3, 17, 4_000_000_000)}"
    found = parsed(path, 1, NOW)
    assert found is not None
    assert (found.path, found.topic, found.partition, found.first, found.last) == (path, TOPIC, 3, 17, 4_000_000_000)
    assert parsed(path + "#123", 1, NOW) is None
    assert parsed("usage/acme/probe", 1, NOW) is None


def test_a_file_within_another_s_offsets_is_superseded() -> None:
    """Of the same hour and partition."""
    wide, inner, same_begin, other = file(0, 9), file(3, 5), file(0, 4), file(3, 5, partition=1)
    assert superseded([inner, wide, other, same_begin, file(8, 12)]) == {inner: wide, same_begin: wide}


def test_a_growing_hour_is_compacted_when_there_are_many_files_and_a_quiet_one_always() -> None:
    """Two files are left alone while more come every second."""
    growing = [file(number, number) for number in range(MANY)]
    assert plan(growing[:-1], MINE, NOW).merge == ()
    assert plan(growing, MINE, NOW).merge == (tuple(growing),)
    quiet = (file(0, 3, age=600), file(4, 9, age=600))
    assert plan(quiet, MINE, NOW).merge == (quiet,)


def test_large_files_and_those_of_other_partitions_are_left_alone() -> None:
    """A merge never reaches across one."""
    files = [file(0, 1, age=600), file(2, 3, age=600, size=SMALL), file(4, 5, age=600), file(6, 7, age=600)]
    assert plan(files, MINE, NOW).merge == (tuple(files[2:]),)
    assert plan(files, [(TOPIC, 1)], NOW).merge == ()


def test_no_more_is_merged_at_once_than_makes_a_large_file() -> None:
    """However many small files an hour has: a merge holds them in memory."""
    files = [file(number, number, age=600, size=SMALL // 3) for number in range(10)]
    merges = plan(files, MINE, NOW).merge
    assert [len(run) for run in merges] == [4, 4, 2]
    assert [each for run in merges for each in run] == files


def test_what_is_replaced_is_deleted_when_nobody_can_still_be_listing() -> None:
    """Until then both are there, and the hour is not finished."""
    old = file(0, 3, age=900)
    young = plan([old, file(0, 9, age=10)], MINE, NOW)
    assert (young.delete, young.finished) == ((), False)
    late = plan([old, file(0, 9, age=KEPT.total_seconds() + 1)], MINE, NOW)
    assert (late.delete, late.finished) == ((old,), True)


@pytest.fixture
def tidying(store: UsageStore) -> Tidying:
    """Of one partition."""
    return Tidying(store, Children(1), lambda: frozenset({Partition(TOPIC, 0)}), asyncio.Lock())


async def test_compacting_changes_no_sum_at_any_step(
    store: UsageStore, keep: Keep, usage: Usage, tidying: Tidying
) -> None:
    """Many files, one more beside them, one file."""
    for number in range(20):
        tidying.look_at([path.rpartition("/")[0] for path in await keep([usage(at=NOW)], first=number)])
    question = Question("acme", DAY, ("day",))
    now = datetime.now(UTC)
    counted, left = [], []
    for ahead in (timedelta(), timedelta(minutes=1), timedelta(minutes=5)):
        await tidying.turn(now + ahead)
        counted.append(add_up(store.url, question).counts)
        left.append(len(await store.hour(FOLDER)))
    assert counted == [Counts(events=20)] * 3
    assert left == [21, 21, 1]


async def test_what_an_earlier_process_left_is_compacted(
    store: UsageStore, keep: Keep, usage: Usage, tidying: Tidying
) -> None:
    """Of today and yesterday, for every tenant, though nothing is added any more."""
    now = datetime.now(UTC)
    yesterday = now - timedelta(days=1)
    for number, at in enumerate([now, now, yesterday, yesterday]):
        await keep([usage(at=at)], first=number)
    await tidying.turn(now)
    later = [path for first in (4, 5) for path in await keep([usage(at=now, tenant_id="globex")], first=first)]
    assert await settled(store, tidying, hour_folder("acme", now)) == 1
    assert await settled(store, tidying, hour_folder("acme", yesterday)) == 1
    assert await settled(store, tidying, hour_folder("globex", now)) == len(later)
    tidying.look_back()
    assert await settled(store, tidying, hour_folder("globex", now)) == 1


async def test_an_hour_with_a_broken_file_does_not_keep_others_from_being_compacted(
    store: UsageStore, keep: Keep, usage: Usage, tidying: Tidying, tmp_path: Path
) -> None:
    """It is left as it is for somebody to restore."""
    for number in range(2):
        (path,) = await keep([usage(at=NOW)], first=number)
        (other,) = await keep([usage(at=NOW + timedelta(hours=1))], first=number)
        tidying.look_at([path.rpartition("/")[0], other.rpartition("/")[0]])
    (tmp_path / "artifacts" / path).write_bytes(b"no parquet")
    assert await settled(store, tidying, hour_folder("acme", NOW + timedelta(hours=1))) == 1
    assert await settled(store, tidying, FOLDER) == 2


async def settled(store: UsageStore, tidying: Tidying, folder: str) -> int:
    """How many files an hour has after some quiet minutes."""
    for quiet in (QUIET, KEPT):
        await tidying.turn(datetime.now(UTC) + 2 * quiet)
    return len(await store.hour(folder))
