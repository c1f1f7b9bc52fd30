"""What a long poll tells: the next change of a run, and rather its end than what came just before it."""

import asyncio
from uuid import UUID

import pytest
from redis.asyncio import Redis

from jobforge.chassis.artifacts import ArtifactStore
from jobforge.chassis.wire import Partition
from jobforge.contracts.runs import RunCancelRequested
from jobforge.manifest import keys, live
from jobforge.manifest.batches import Batch
from jobforge.manifest.freshness import Freshness
from jobforge.manifest.projection import fold, request_of
from jobforge.manifest.push import Changes
from jobforge.manifest.reads import Reads, Row
from jobforge.manifest.states import NOTHING, RunState, stored_request, stored_run
from jobforge.manifest.store import Step, Store
from jobforge.testkit.memory import MemoryLog
from jobforge.testkit.run_records import after, requested, started, succeeded
from jobforge.testkit.waiting import until

RUN = UUID(int=7)
ROW = keys.row("acme", RUN)
RUNS, JOBS = Partition("jobforge.runs", 0), Partition("jobforge.jobs.echo", 0)
RUNNING = fold(NOTHING, started(RUN), 0).state
ENDED = fold(RUNNING, succeeded(RUN), 1).state


class CountedReads(Reads):
    """Reads, and how many of them were answered."""

    answered = 0

    async def run(self, tenant_id: str, run_id: UUID, *, manifest: bool = False) -> Row:
        """See ``Reads.run``."""
        row = await super().run(tenant_id, run_id, manifest=manifest)
        self.answered += 1
        return row


class View:
    """A process that has applied a request, and somebody who waits for what becomes of it."""

    def __init__(self, redis: Redis, log: MemoryLog, artifacts: ArtifactStore, *, known: bool = True) -> None:
        freshness = Freshness(log, partitions=1)
        self.store = Store(redis)
        self.changes = Changes(redis, self.store, freshness)
        self.reads = CountedReads(redis, freshness, artifacts, partitions=1)
        self.held: int | None = None
        if known:
            self.accept()

    def accept(self) -> None:
        """This process applies the request, and knows that nothing has become of it yet."""
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

    async def others_apply(self, state: RunState) -> None:
        """Another process applies one more record of the run, and says so."""
        batch, after = Batch(), state.offset + 1
        batch.add(
            "", "HSET", ROW, keys.RUN, stored_run(state), keys.REQUEST, stored_request(request_of(requested(RUN)))
        )
        await self.store.apply([Step(RUNS, self.held, after, batch), Step(JOBS, self.held and 1, 1, Batch())])
        self.held = after
        self.changes._heard({"type": "message", "data": f"jobforge.runs/0 {after} {ROW}".encode()})


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


async def test_whoever_waits_is_told_the_end_when_others_say_that_it_came_right_after_the_start(
    view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process has the lifecycle of the run's partition."""
    monkeypatch.setattr(live, "HELD", 3600.0)
    found = await view.poll()
    await view.others_apply(RUNNING)
    await until(lambda: view.reads.answered == 1, 10)
    await settled()
    assert not found.done()
    await view.others_apply(ENDED)
    async with asyncio.timeout(10):
        assert (await found).is_terminal


async def test_a_run_that_begins_before_anybody_could_say_that_it_is_queued_is_told_to_have_begun(
    redis: Redis, log: MemoryLog, artifacts: ArtifactStore
) -> None:
    """Whoever was just told that it is accepted has no other question."""
    view = View(redis, log, artifacts, known=False)
    found = await view.poll()
    view.accept()
    await view.apply(RUNNING)
    async with asyncio.timeout(10):
        row = await found
    assert row.run == RUNNING


async def test_a_wish_to_cancel_a_run_that_waits_is_a_change(view: View) -> None:
    """Though it has not begun."""
    found = await view.poll()
    await view.apply(fold(NOTHING, RunCancelRequested(run_id=RUN, tenant_id="acme", at=after(2)), 0).state)
    async with asyncio.timeout(10):
        assert (await found).job.cancel_requested


async def test_further_changes_do_not_put_off_what_is_told(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that says every few milliseconds how far it is would never be heard of."""
    monkeypatch.setattr(live, "HELD", 0.05)
    found = await view.poll()
    state = RUNNING
    async with asyncio.timeout(10):
        while not found.done():
            await view.apply(state)
            state = state._replace(offset=state.offset + 1)
            await asyncio.sleep(0.001)
    assert (await found).run is not None
