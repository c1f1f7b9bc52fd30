"""Runs that would never end by themselves, on a real Valkey and a log in memory."""

from dataclasses import replace
from itertools import pairwise

import pytest

from jobforge.chassis.wire import Position
from jobforge.contracts.delivery import Delivery
from jobforge.scheduler import deadlines
from jobforge.scheduler.open_runs import Member, OpenRuns
from jobforge.testkit.tended import JOBS, RUNS, SLOW, Tended

RETRY = "jobforge.retry.30s"


async def test_a_canceled_run_that_is_queued_ends_at_the_next_look(tended: Tended) -> None:
    """With its inputs as far as the template lets them be shown; other runs stay as they are."""
    other = await tended.request()
    run = await tended.request({"message": "m", "token": "secret"})
    await tended.view.canceled(run)
    await tended.pass_by(1)
    (end,) = tended.ends()
    assert (end.type, end.run_id, end.error.code) == ("RunCanceled", run.run_id, "job.canceled")
    assert (end.attempt, end.claim, end.started_at) == (0, "", None)
    assert (end.request.inputs, end.request.template_version) == ({"message": "m", "token": "[REDACTED]"}, "2")
    assert await tended.is_open(other)


async def test_a_canceled_run_that_retries_ends_as_the_attempt_that_never_began(tended: Tended) -> None:
    """Attempts never fall."""
    run = await tended.request()
    await tended.lived(run, "retrying")
    await tended.view.canceled(run)
    await tended.pass_by(1)
    (end,) = tended.ends()
    assert (end.type, end.attempt, end.started_at) == ("RunCanceled", 2, None)


async def test_a_canceled_run_under_a_lease_is_left_to_its_worker(tended: Tended) -> None:
    """The worker hears of it with its next renewal; only when the lease is over does anybody else act."""
    run = await tended.request()
    await tended.view.canceled(run)
    await tended.view.leased(run, 3600)
    await tended.pass_by(20)
    assert tended.ends() == []
    await tended.view.leased(run, -1)
    await tended.pass_by(5)
    assert [end.error.code for end in tended.ends()] == ["job.canceled"]


async def test_a_run_whose_worker_vanished_is_closed_after_its_deadline(tended: Tended) -> None:
    """As the attempt that ran, by its worker's name, and not before 30 s have passed."""
    run = await tended.request()
    await tended.lived(run, "running", deadline=10)
    await tended.pass_by(59)
    assert tended.ends() == []  # the first look comes 60 s after the request
    await tended.pass_by(2)
    (end,) = tended.ends()
    assert (end.type, end.error.code, end.attempt, end.claim, end.worker) == ("RunFailed", "job.timeout", 1, "c1", "w1")


async def test_nobody_times_out_soon_after_redis_was_emptied(tended: Tended) -> None:
    """Leases are gone then; workers take theirs again within seconds."""
    run = await tended.request()
    await tended.lived(run, "running", deadline=1)
    await tended.pass_by(50)
    await tended.redis.flushall()
    (record,) = tended.requests(run)
    await tended.view.accepted(run, Position(record.topic, record.partition, record.offset))
    await tended.lived(run, "running", deadline=-60)
    await tended.fold()
    await tended.pass_by(30)
    assert tended.ends() == []
    await tended.pass_by(6)
    assert [end.error.code for end in tended.ends()] == ["job.timeout"]


async def test_nothing_is_decided_on_a_view_that_is_behind(tended: Tended, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run may have ended in what was not folded yet."""
    monkeypatch.setattr(deadlines, "VIEW_WAIT", 0.1)
    run = await tended.request()
    await tended.view.canceled(run)
    await tended.log.publisher().publish(RUNS, key=b"k", value=b"v", partition=tended.view.partition(run))
    assert tended.look is not None
    await tended.look()
    assert len(tended.log.records(RUNS)) == 1
    assert await tended.is_open(run)


async def test_a_run_that_nobody_began_in_time_expires(tended: Tended) -> None:
    """Though its record still waits in a queue that no worker reads."""
    run = await tended.request(start_within=45)
    await tended.pass_by(70)
    (end,) = tended.ends()
    assert (end.run_id, end.type, end.error.code, end.started_at) == (run.run_id, "RunFailed", "job.expired", None)


async def test_a_request_that_the_group_passed_over_is_put_back_and_at_last_lost(tended: Tended) -> None:
    """Byte for byte, where it was; three times; with doubling rests; and only if nobody would read it again."""
    run = await tended.request()
    tended.read_to_the_end(JOBS)
    times = []
    for second in range(0, 600, 5):
        before = len(tended.requests(run))
        await tended.pass_by(5, every=5)
        if len(tended.requests(run)) > before:
            times.append(second)
        tended.read_to_the_end(JOBS)  # whoever reads it drops it
        if tended.ends():
            break
    first, *others = tended.requests(run)
    assert len(others) == 3
    assert {(r.key, r.value, r.headers, r.partition) for r in others} == {
        (first.key, first.value, first.headers, first.partition)
    }
    assert [later - earlier for earlier, later in pairwise(times)] == [60, 120]
    assert [end.error.code for end in tended.ends()] == ["job.lost"]


@pytest.mark.parametrize("topic", [SLOW, RETRY])
async def test_a_request_that_was_moved_on_and_waits_there_is_not_put_back(tended: Tended, topic: str) -> None:
    """In a slow lane, or among the retries without an attempt spent: however long, it is not lost."""
    run = await tended.request()
    (record,) = tended.requests(run)
    await tended.log.publisher().publish(topic, key=record.key, value=record.value, partition=record.partition)
    tended.read_to_the_end(JOBS)
    await tended.pass_by(600, every=10)
    assert len(tended.requests(run)) == 1
    assert tended.ends() == []


async def test_a_request_that_was_not_read_yet_is_not_put_back(tended: Tended) -> None:
    """A long queue is no loss."""
    run = await tended.request()
    await tended.pass_by(600, every=10)
    assert len(tended.requests(run)) == 1
    assert tended.ends() == []


async def test_a_retrying_run_whose_record_is_nowhere_is_put_back_with_its_next_attempt(tended: Tended) -> None:
    """Attempts never fall."""
    run = await tended.request()
    await tended.lived(run, "retrying")
    tended.read_to_the_end(JOBS, SLOW)
    await tended.pass_by(90)
    first, again = tended.requests(run)
    assert (again.key, again.value) == (first.key, first.value)
    assert Delivery.of(again.headers).attempt == 2


async def test_an_ended_run_is_looked_at_no_more(tended: Tended) -> None:
    """Its end may be folded before its request."""
    run = await tended.request()
    await tended.view.ended(run.tenant_id, run.run_id)
    await tended.pass_by(61)
    assert not await tended.is_open(run)


async def test_what_cannot_be_written_now_is_written_later(tended: Tended) -> None:
    """A log that is away delays an end, and loses none."""
    run = await tended.request()
    await tended.view.canceled(run)
    tended.log.down = True
    await tended.pass_by(3)
    tended.log.down = False
    assert await tended.is_open(run)
    await tended.pass_by(31)
    assert [end.error.code for end in tended.ends()] == ["job.canceled"]


async def test_a_cancel_that_comes_between_a_look_and_its_end_is_not_overlooked(tended: Tended) -> None:
    """A look that puts a run off does so only if nobody asked for another meanwhile."""
    run = await tended.request()
    (name, score), *_ = (await tended.view.open()).items()
    opened = OpenRuns(tended.redis)
    member = Member(name, score * 1000)
    await tended.view.canceled(run)
    await opened.look_again(tended.view.partition(run), [(member, tended.now)])
    assert (await tended.view.open())[name] == 0
    await opened.look_again(tended.view.partition(run), [(replace(member, score=0), tended.now)])
    assert (await tended.view.open())[name] > 0
