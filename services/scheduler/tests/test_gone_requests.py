"""Runs whose requests the log holds no more, on a real Valkey and a log in memory: each ends once, and not too soon."""

import pytest

from jobforge.chassis.wire import Partition, Position
from jobforge.contracts.identity import run_key
from jobforge.contracts.jobs import JobRequested
from jobforge.testkit.tended import JOBS, SLOW, Tended

RETRY = "jobforge.retry.30s"
PATIENCE = 60 + 60 + 120 + 240
"""Seconds from a request until it is given up: what it gets to begin, and the rests after three tries."""


def codes(tended: Tended) -> list[str]:
    """How the runs ended."""
    return [end.error.code for end in tended.ends()]


async def stands_at(tended: Tended, request: JobRequested, topic: str) -> None:
    """The view says that the request is the first record of its partition of another topic."""
    await tended.view.accepted(request, Position(topic, tended.view.partition(request), 0))


async def delete_request(tended: Tended, request: JobRequested) -> None:
    """Retention takes the request, and all that is older."""
    (record,) = tended.requests(request)
    tended.log.delete_before(Partition(JOBS, record.partition), record.offset + 1)


async def test_a_deleted_jobs_topic_does_not_stop_the_judging_of_all_other_runs(tended: Tended) -> None:
    """Nobody answers for a topic that is not there: it is not asked for. Its own run ends too."""
    tended.log.make_topic("jobforge.jobs.retired", tended.partitions)
    lone = await tended.request()
    await stands_at(tended, lone, "jobforge.jobs.retired")
    other = await tended.request()
    await tended.lived(other, "running", deadline=5)
    tended.read_to_the_end(JOBS)  # only what stands on the other topic is still to be read
    tended.log.delete_topic("jobforge.jobs.retired")
    await tended.pass_by(61)
    assert [(end.run_id, end.error.code) for end in tended.ends()] == [(other.run_id, "job.timeout")]
    await tended.pass_by(PATIENCE, every=5)
    assert sorted(codes(tended)) == ["job.lost", "job.timeout"]


async def test_a_partition_of_whose_log_nothing_is_heard_does_not_stop_the_judging_of_the_others(
    tended: Tended,
) -> None:
    """Its runs are put off, nothing is concluded from the silence, and they end once it is over."""
    runs = [await tended.request() for _ in range(8)]
    mute = [run for run in runs if tended.view.partition(run) == 0]
    assert 0 < len(mute) < len(runs)
    for run in mute:
        await stands_at(tended, run, "jobforge.jobs.mute")
    tended.log.make_topic("jobforge.jobs.mute", tended.partitions)
    tended.asked.unheard.add("jobforge.jobs.mute")
    for run in runs:
        await tended.lived(run, "running", deadline=5)
    await tended.pass_by(70)
    assert {end.run_id for end in tended.ends()} == {run.run_id for run in runs} - {run.run_id for run in mute}
    tended.asked.unheard.clear()
    await tended.pass_by(35)
    assert sorted(codes(tended)) == ["job.timeout"] * len(runs)


async def test_a_topic_of_which_nothing_is_heard_does_not_stop_the_judging_of_other_runs_in_its_partition(
    tended: Tended,
) -> None:
    """As one that somebody made with too few partitions."""
    mute = await tended.request()
    await stands_at(tended, mute, "jobforge.jobs.mute")
    tended.log.make_topic("jobforge.jobs.mute", tended.partitions)
    tended.asked.unheard.add("jobforge.jobs.mute")
    others = [await tended.request() for _ in range(8)]
    for run in (mute, *others):
        await tended.lived(run, "running", deadline=5)
    await tended.pass_by(70)
    assert {end.run_id for end in tended.ends()} == {run.run_id for run in others}


async def test_a_request_that_was_passed_over_and_then_deleted_is_lost_and_not_open_for_ever(tended: Tended) -> None:
    """It cannot be put back; it is given what one that can be gets."""
    run = await tended.request()
    tended.read_to_the_end(JOBS)
    await delete_request(tended, run)
    await tended.pass_by(PATIENCE - 1)
    assert tended.ends() == []
    await tended.pass_by(10)
    (end,) = tended.ends()
    assert (end.type, end.run_id, end.error.code, end.request) == ("RunFailed", run.run_id, "job.lost", None)
    await tended.pass_by(600, every=10)
    assert len(tended.ends()) == 1


@pytest.mark.parametrize("read", [True, False])
async def test_a_request_of_a_topic_that_was_made_anew_is_lost_and_not_open_for_ever(
    tended: Tended, read: bool
) -> None:
    """Another record stands there, or none: whether the workers have read that far or not."""
    run = await tended.request()
    at = Partition(JOBS, tended.view.partition(run))
    tended.log.delete_topic(JOBS)
    tended.log.make_topic(JOBS, tended.partitions)
    if read:
        await tended.log.publisher().publish(JOBS, key=b"another", value=b"v", partition=at.number)
        tended.read_to_the_end(JOBS)
    await tended.fold()
    await tended.pass_by(PATIENCE + 10, every=2)
    assert codes(tended) == ["job.lost"]
    assert tended.requests(run) == []


@pytest.mark.parametrize("anew", [True, False])
async def test_a_canceled_run_ends_though_its_topic_was_deleted_or_made_anew(tended: Tended, anew: bool) -> None:
    """Without what the request says, which nobody knows any more."""
    run = await tended.request()
    await tended.view.canceled(run)
    tended.log.delete_topic(JOBS)
    if anew:
        tended.log.make_topic(JOBS, tended.partitions)
        number = tended.view.partition(run)
        await tended.log.publisher().publish(JOBS, key=b"another", value=b"v", partition=number)
    await tended.fold()
    await tended.pass_by(1)
    (end,) = tended.ends()
    assert (end.type, end.error.code, end.request) == ("RunCanceled", "job.canceled", None)


async def test_a_request_that_retention_took_before_any_worker_came_is_lost_and_not_open_for_ever(
    tended: Tended,
) -> None:
    """Its domain is away for longer than the log keeps anything; a request that is still there waits on."""
    run = await tended.request()
    await tended.pass_by(600, every=10)
    assert tended.ends() == []
    await delete_request(tended, run)
    waits = await tended.request()
    await tended.pass_by(60 + 120 + 240 + 60, every=10)
    assert [(end.run_id, end.error.code) for end in tended.ends()] == [(run.run_id, "job.lost")]
    assert await tended.is_open(waits)
    assert len(tended.requests(waits)) == 1


@pytest.mark.parametrize("topic", [JOBS, SLOW, RETRY])
async def test_a_run_whose_deleted_request_waits_elsewhere_is_not_lost(tended: Tended, topic: str) -> None:
    """Its first record is gone; a worker will still read another one."""
    run = await tended.request()
    (record,) = tended.requests(run)
    await tended.log.publisher().publish(topic, key=record.key, value=record.value, partition=record.partition)
    tended.log.delete_before(Partition(JOBS, record.partition), record.offset + 1)
    await tended.fold()
    await tended.pass_by(2 * PATIENCE, every=10)
    assert tended.ends() == []
    assert await tended.is_open(run)


async def test_a_run_that_begins_while_its_request_is_missed_is_not_lost(tended: Tended) -> None:
    """A worker may have read the record just before it went."""
    run = await tended.request()
    await delete_request(tended, run)
    await tended.pass_by(100)
    await tended.lived(run, "running", deadline=10_000)
    await tended.pass_by(PATIENCE, every=10)
    assert tended.ends() == []


async def test_a_run_under_a_lease_is_not_lost_though_its_request_is_gone(tended: Tended) -> None:
    """Somebody is about to begin it."""
    run = await tended.request()
    await delete_request(tended, run)
    await tended.view.leased(run, 3600)
    await tended.pass_by(2 * PATIENCE, every=10)
    assert tended.ends() == []


async def test_a_log_that_does_not_answer_loses_nothing(tended: Tended) -> None:
    """Silence is no evidence, however long."""
    run = await tended.request()
    tended.asked.unheard.add(JOBS)
    await tended.pass_by(2 * PATIENCE, every=10)
    tended.asked.unheard.clear()
    assert tended.ends() == []
    assert await tended.is_open(run)
    await tended.pass_by(120, every=10)
    assert tended.ends() == []
    key = run_key(run.tenant_id, run.run_id)
    assert [record.key for record in tended.requests(run)] == [key]


@pytest.mark.parametrize("read", [True, False])
async def test_a_broker_that_has_just_started_and_knows_no_topics_yet_loses_nothing(
    tended: Tended, monkeypatch: pytest.MonkeyPatch, read: bool
) -> None:
    """Neither the request nor where else its record may wait is there for it."""
    run = await tended.request()
    (record,) = tended.requests(run)
    if read:
        await tended.log.publisher().publish(RETRY, key=record.key, value=record.value, partition=record.partition)
        tended.read_to_the_end(JOBS)

    async def none() -> frozenset[str]:
        return frozenset()

    monkeypatch.setattr(tended.asked, "topics", none)
    await tended.pass_by(2 * PATIENCE, every=10)
    assert tended.ends() == []
    assert len(tended.requests(run)) == 1
