"""What a long poll tells: the next change of a run, and rather its end than what came just before it."""

import asyncio
from uuid import UUID

import pytest
from redis.asyncio import Redis

from jobforge.chassis.artifacts import ArtifactStore
from jobforge.chassis.wire import Partition
from jobforge.manifest import keys, live
from jobforge.manifest.freshness import Freshness
from jobforge.manifest.projection import fold, request_of
from jobforge.manifest.push import Changes
from jobforge.manifest.reads import Reads, Row
from jobforge.manifest.states import NOTHING, RunState
from jobforge.manifest.store import Store
from jobforge.testkit.memory import MemoryLog
from jobforge.testkit.run_records import requested, started, succeeded

RUN = UUID(int=7)
ROW = keys.row("acme", RUN)
RUNS, JOBS = Partition("jobforge.runs", 0), Partition("jobforge.jobs.echo", 0)
RUNNING = fold(NOTHING, started(RUN), 0).state
ENDED = fold(RUNNING, succeeded(RUN), 1).state


class View:
    """A process that has applied a request, and somebody who waits for what becomes of it."""

    def __init__(self, redis: Redis, log: MemoryLog, artifacts: ArtifactStore) -> None:
        freshness = Freshness(log, partitions=1)
        self.changes = Changes(redis, Store(redis), freshness)
        self.reads = Reads(redis, freshness, artifacts, partitions=1)
        self.changes.applied(RUNS, 0, {ROW: NOTHING})
        self.changes.applied(JOBS, 1, {ROW: request_of(requested(RUN))})

    async def poll(self) -> "asyncio.Task[Row]":
        """A long poll that has seen that the run is queued."""
        found = asyncio.create_task(live.wait_for_change(self.reads, self.changes, "acme", RUN, wait=30))
        await settled()
        return found

    async def apply(self, state: RunState) -> None:
        """This process applies one more record of the run, and whoever waits has heard of it."""
        self.changes.applied(RUNS, state.offset + 1, {ROW: state})
        await settled()


async def settled() -> None:
    """Everything that can go on without anything else happening has gone on."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def view(redis: Redis, log: MemoryLog, artifacts: ArtifactStore) -> View:
    """Over a view that is not asked, since this process knows."""
    return View(redis, log, artifacts)


async def test_whoever_waits_is_told_the_end_when_it_comes_right_after_the_start(view: View) -> None:
    """Most jobs are that short, and the start would only make the caller ask again."""
    found = await view.poll()
    await view.apply(RUNNING)
    assert not found.done()
    await view.apply(ENDED)
    assert (await found).is_terminal


async def test_whoever_waits_is_told_a_start_that_no_end_follows(view: View) -> None:
    """A moment later, long before the wait is over."""
    found = await view.poll()
    await view.apply(RUNNING)
    async with asyncio.timeout(10):
        row = await found
    assert row.run == RUNNING


async def test_a_start_is_told_even_if_the_wait_ends_before_its_moment_does(
    view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service stops, for instance."""
    monkeypatch.setattr(live, "HELD", 3600.0)
    found = await view.poll()
    await view.apply(RUNNING)
    view.changes.close()
    async with asyncio.timeout(10):
        row = await found
    assert row.run == RUNNING
