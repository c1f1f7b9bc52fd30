"""Usage stands in a directory or in a bucket alike."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from jobforge.chassis.artifacts import StoreUnavailable
from jobforge.chassis.wire import Partition
from jobforge.execution.children import Children
from jobforge.keys import totals
from jobforge.keys.errors import UsageMoving
from jobforge.keys.feed import TOPIC
from jobforge.keys.tidying import Tidying
from jobforge.keys.totals import Counts, Question, add_up
from jobforge.keys.usage_files import UsageFile
from jobforge.keys.usage_store import FileGone, UsageStore

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = (datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC))
FOLDER = "usage/acme/2026-11-23/12"
Keep = Callable[..., Awaitable[list[str]]]


@pytest.fixture(params=["directory", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> UsageStore:
    """An empty one."""
    return UsageStore(tmp_path.as_uri() if request.param == "directory" else request.getfixturevalue("bucket").url)


def counts(store: UsageStore) -> Counts:
    """Of the day."""
    return add_up(store.url, Question("acme", DAY, ("day",))).counts


async def test_usage_is_written_read_and_compacted(store: UsageStore, keep: Keep, usage: Callable[..., bytes]) -> None:
    """Files that are stored again are replaced, and the sums stay what they are."""
    tidying = Tidying(store, Children(1), lambda: frozenset({Partition(TOPIC, 0)}), asyncio.Lock())
    for number in range(20):
        values = [usage(at=NOON + timedelta(seconds=number)), usage(at=NOON, tenant_id="globex")]
        await keep(values, first=2 * number)
        await keep(values, first=2 * number)
    assert await asyncio.to_thread(counts, store) == Counts(events=20)
    assert await store.hours([date(2026, 11, 22), date(2026, 11, 23)]) == [FOLDER, FOLDER.replace("acme", "globex")]
    left = []
    for ahead in (timedelta(), timedelta(minutes=5)):
        tidying.look_at([FOLDER])
        await tidying.turn(datetime.now(UTC) + ahead)
        left.append(len(await store.hour(FOLDER)))
        assert await asyncio.to_thread(counts, store) == Counts(events=20)
    assert left == [21, 1]


async def test_a_file_that_was_replaced_is_gone_for_its_reader(store: UsageStore) -> None:
    """Deleting it once more is no error."""
    file = UsageFile(FOLDER, TOPIC, 0, 0, 0, 1, NOON)
    await store.delete([file])
    with pytest.raises(FileGone):
        await store.read(file)
    with pytest.raises(FileGone):
        store.read_now(file)


async def test_a_store_that_is_not_there_is_named() -> None:
    """Not taken for one without usage."""
    away = UsageStore("file:///proc/nowhere")
    with pytest.raises(StoreUnavailable):
        await away.put({f"{FOLDER}/x": b""})


async def test_usage_whose_files_move_during_every_read_is_added_up_later(
    tmp_path: Path, keep: Keep, usage: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time, what was listed has been compacted away before it is read."""
    store = UsageStore(tmp_path.as_uri())
    await keep([usage(at=NOON)])
    monkeypatch.setattr(totals, "slices", gone)
    with pytest.raises(UsageMoving, match="try again"):
        counts(store)


def gone(*_: object) -> Iterator[object]:
    """What a read of a file that is not there any more says."""
    raise FileGone
    yield
