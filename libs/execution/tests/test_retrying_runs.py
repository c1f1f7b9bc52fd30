"""Runs that try again, wait, are canceled or found ended: what the engine does beside running a job once."""

from datetime import UTC, datetime, timedelta

import pytest

from jobforge.contracts.dead_letter import added_headers
from jobforge.contracts.delivery import Delivery
from jobforge.contracts.identity import run_key
from jobforge.contracts.manifest import RunManifest
from jobforge.contracts.runs import RunCanceled, RunFailed, RunRestored, RunRetrying, RunStarted, RunSucceeded
from jobforge.execution import handler, running
from jobforge.execution.worker import Limits
from jobforge.testkit.builders import job_requested
from jobforge.testkit.echo.templates import message_reply
from jobforge.testkit.echo.working import Echo
from jobforge.testkit.waiting import until

OLD = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Renewals and patience in tenths of seconds."""
    monkeypatch.setattr(handler, "RENEW_EVERY", timedelta(seconds=0.05))
    monkeypatch.setattr(running, "PATIENCE", 0.2)
    monkeypatch.setattr(message_reply, "STUBBORN", 3.0)


async def test_a_retryable_failure_is_tried_again_with_the_same_bytes_and_then_succeeds(echo: Echo) -> None:
    """The retry record is there before ``RunRetrying`` says so; the third attempt ends the run."""
    request = job_requested({"fail_times": 2}, attempts=3)
    await echo.request(request)
    async with echo.working(), echo.moving():
        end = await echo.end(request.run_id)
    assert isinstance(end, RunSucceeded)
    assert end.attempt == 3
    kinds = [type(record) for record in echo.of(request.run_id)]
    assert kinds == [RunStarted, RunRetrying, RunStarted, RunRetrying, RunStarted, RunSucceeded]
    assert [(topic, said.attempt, said.error) for topic, said in echo.waiting()] == [
        ("jobforge.retry.5s", 2, "echo.busy"),
        ("jobforge.retry.5s", 3, "echo.busy"),
    ]
    originals = {record.value for record in echo.log.records("jobforge.jobs.echo")}
    assert originals == {request.to_bytes()}


async def test_spent_attempts_leave_a_dead_letter_byte_for_byte_and_then_the_run_ends(echo: Echo) -> None:
    """``job.attempts_exhausted`` names the last error and where the dead letter stands."""
    request = job_requested({"behave": "retryable"}, attempts=2)
    await echo.request(request)
    async with echo.working(), echo.moving():
        end = await echo.end(request.run_id)
    assert isinstance(end, RunFailed)
    assert end.error.code == "job.attempts_exhausted"
    assert end.error.cause == {"code": "echo.busy", "message": "busy for now"}
    assert end.error.dead_letter == "jobforge.dlq.echo/0@0"
    (dead,) = echo.log.records("jobforge.dlq.echo")
    assert (dead.key, dead.value) == (run_key(request.tenant_id, request.run_id), request.to_bytes())
    assert added_headers(dead.headers)["jobforge-cause"] == "echo.busy"


@pytest.mark.parametrize("behave", ["raise", "exit", "die"])
async def test_a_bug_in_a_template_ends_its_run_and_the_worker_lives_on(echo: Echo, behave: str) -> None:
    """What is neither ``Retryable`` nor ``Terminal`` is forgiven once; a child that died is retryable."""
    bad, good = job_requested({"behave": behave}, attempts=3), job_requested()
    await echo.request(bad)
    async with echo.working(), echo.moving():
        end = await echo.end(bad.run_id)
        await echo.request(good)
        assert isinstance(await echo.end(good.run_id), RunSucceeded)
    assert isinstance(end, RunFailed)
    expected = ("job.attempts_exhausted", 3) if behave == "die" else ("job.raised", 2)
    assert (end.error.code, end.attempt) == expected
    assert len(echo.log.records("jobforge.dlq.echo")) == (behave == "die")


async def test_outputs_that_nest_deeper_than_readers_read_end_the_run(echo: Echo) -> None:
    """They were written, no view could read the record, and the run had no manifest."""
    request = job_requested({"behave": "deep"}, attempts=3)
    await echo.request(request)
    async with echo.working(), echo.moving():
        end = await echo.end(request.run_id)
    assert isinstance(end, RunFailed)
    assert (end.error.code, end.attempt) == ("job.invalid_outputs", 1)
    assert "deeper than 64 levels" in end.error.message


async def test_an_outcome_that_cannot_be_written_ends_its_run_without_what_its_template_told(
    echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the reason: it was made again and again, and the run had no manifest."""

    def unwritable(self: RunSucceeded) -> bytes:
        raise ValueError("half a surrogate pair")

    monkeypatch.setattr(RunSucceeded, "to_bytes", unwritable)
    request = job_requested()
    await echo.request(request)
    async with echo.working():
        end = await echo.end(request.run_id)
    assert isinstance(end, RunFailed)
    assert end.error.code == "job.invalid_outputs"
    assert end.error.message == "the outcome cannot be written: ValueError: half a surrogate pair"


async def test_a_cancelled_run_never_succeeds(echo: Echo) -> None:
    """Cancelled while it runs, also in a child process: it ends as canceled at the next renewal."""
    for inputs in ({"sleep": 30}, {"burn": 30}, {"behave": "stubborn"}):
        request = job_requested(inputs)
        await echo.request(request)
        async with echo.working() as worker:
            await until(lambda: worker.in_flight == 1)
            echo.leases.cancelled.add(request.run_id)
            end = await echo.end(request.run_id)
        assert isinstance(end, RunCanceled)
        assert (end.error.code, end.attempt) == ("job.canceled", 1)


async def test_a_run_cancelled_before_it_began_ends_without_an_attempt(echo: Echo) -> None:
    """The claim says so, and the template is never called."""
    request = job_requested()
    echo.leases.cancelled.add(request.run_id)
    await echo.request(request)
    async with echo.working():
        end = await echo.end(request.run_id)
    assert isinstance(end, RunCanceled)
    assert (end.attempt, end.claim, end.started_at) == (0, "", None)
    assert [type(record) for record in echo.of(request.run_id)] == [RunCanceled]


async def test_a_run_that_another_worker_holds_waits_without_spending_an_attempt(echo: Echo) -> None:
    """It comes back as the same attempt, and runs once the lease is free."""
    request = job_requested()
    echo.leases.holders[request.run_id] = "somebody else"
    await echo.request(request)
    async with echo.working():
        await until(lambda: bool(echo.waiting()))
        ((topic, said),) = echo.waiting()
        assert (topic, said.attempt, said.return_to) == ("jobforge.retry.5s", 1, "jobforge.jobs.echo")
        del echo.leases.holders[request.run_id]
        async with echo.moving():
            assert (await echo.end(request.run_id)).attempt == 1


async def test_a_run_whose_lease_was_lost_stops_and_is_left_to_the_new_holder(echo: Echo) -> None:
    """No outcome of the loser; its record waits behind the other's work."""
    request = job_requested({"sleep": 30})
    await echo.request(request)
    async with echo.working() as worker:
        await until(lambda: request.run_id in echo.leases.holders)
        echo.leases.holders[request.run_id] = "somebody else"
        await until(lambda: worker.in_flight == 0)
    assert not echo.ends(request.run_id)
    assert [said.attempt for _, said in echo.waiting()] == [1]


async def test_a_run_that_the_view_knows_to_have_ended_is_not_run_again(echo: Echo) -> None:
    """A record that is read again costs nothing."""
    request, other = job_requested(), job_requested()
    echo.leases.ended.add(request.run_id)
    await echo.request(request, other)
    async with echo.working() as worker:
        await echo.end(other.run_id)
        await until(lambda: worker.in_flight == 0)
    assert not echo.of(request.run_id)


async def test_without_the_lease_store_jobs_run_all_the_same(echo: Echo) -> None:
    """Leases only save work."""
    echo.leases.away = True
    request = job_requested({"fail_times": 1}, attempts=2)
    await echo.request(request)
    async with echo.working(), echo.moving():
        assert isinstance(await echo.end(request.run_id), RunSucceeded)


async def test_a_job_that_killed_two_workers_runs_alone_and_ends_when_its_child_dies(echo: Echo) -> None:
    """The third start is in a child process; only its death there ends the run, and this worker lives on."""
    poison, harmless, good = job_requested({"behave": "crash"}), job_requested({"message": "late"}), job_requested()
    for request in (poison, harmless):
        echo.leases.counts[request.run_id] = 2
    await echo.request(poison, harmless, good)
    async with echo.working():
        end = await echo.end(poison.run_id)
        assert isinstance(await echo.end(harmless.run_id), RunSucceeded)
        assert isinstance(await echo.end(good.run_id), RunSucceeded)
    assert isinstance(end, RunFailed)
    assert end.error.code == "job.worker_lost"


async def test_a_run_in_the_archive_gets_its_old_end_again_and_is_not_run(echo: Echo) -> None:
    """A key of long ago still names that run: its manifest comes back unchanged."""
    request = job_requested(key_made_at=None)
    archived = RunManifest(run_id=request.run_id, tenant_id=request.tenant_id, status="failed").sealed()
    await echo.store.write_manifest(request.tenant_id, request.run_id, archived.to_bytes())
    echo.leases.unknown.add(request.run_id)
    await echo.request(request)
    async with echo.working():
        end = await echo.end(request.run_id)
    assert isinstance(end, RunRestored)
    assert RunManifest.model_validate(end.manifest) == archived
    assert [type(record) for record in echo.of(request.run_id)] == [RunRestored]


@pytest.mark.parametrize("found", [b'{"run_id":', b"[]", b'{"digest": "0"}'])
async def test_a_damaged_manifest_in_the_archive_is_written_anew(echo: Echo, found: bytes) -> None:
    """Nobody could read it: its run's request was tried for ever, or the view refused its end."""
    request = job_requested(key_made_at=None)
    await echo.store.write_manifest(request.tenant_id, request.run_id, found)
    await echo.request(request)
    async with echo.working():
        assert isinstance(await echo.end(request.run_id), RunSucceeded)


async def test_a_request_that_did_not_begin_in_time_expires(echo: Echo) -> None:
    """``start_by`` is over: the run ends with ``job.expired``, and was never started."""
    request = job_requested(start_by=OLD)
    await echo.request(request)
    async with echo.working():
        end = await echo.end(request.run_id)
    assert isinstance(end, RunFailed)
    assert (end.error.code, end.started_at) == ("job.expired", None)


async def test_a_newer_version_waits_for_a_worker_that_knows_it_and_is_then_a_dead_letter(echo: Echo) -> None:
    """For ten minutes it comes back every 30 s, with no attempt spent; after that it says what was wrong."""
    young, old = (job_requested().model_copy(update={"schema_version": 99}) for _ in range(2))
    await echo.request(young)
    key = run_key(old.tenant_id, old.run_id)
    headers = Delivery(parked_at=OLD).headers(())
    await echo.log.publisher().publish("jobforge.jobs.echo", key=key, value=old.to_bytes(), headers=headers)
    async with echo.working():
        end = await echo.end(old.run_id)
        await until(lambda: bool(echo.waiting()))
    assert isinstance(end, RunFailed)
    assert end.error.code == "job.unreadable"
    (dead,) = echo.log.records("jobforge.dlq.echo")
    assert added_headers(dead.headers)["jobforge-reason"] == "record.version_unknown"
    ((topic, said),) = echo.waiting()
    assert (topic, said.attempt, said.return_to) == ("jobforge.retry.30s", 1, "jobforge.jobs.echo")
    assert said.parked_at is not None
    assert not echo.ends(young.run_id)


async def test_one_tenants_flood_goes_to_the_slow_lane_and_everybody_is_served(echo: Echo) -> None:
    """Beyond half the window a tenant's records move on, acknowledged, and run there."""
    flood = [job_requested({"message": str(n), "sleep": 0.002}, tenant_id="loud") for n in range(120)]
    quiet = job_requested(tenant_id="quiet")
    await echo.request(*flood, quiet)
    async with echo.working(Limits(concurrency=2, slow=2, window=40)):
        await echo.end(quiet.run_id)
        assert sum(bool(echo.ends(request.run_id)) for request in flood) < len(flood)
        for request in flood:
            await echo.end(request.run_id)
    assert echo.log.records("jobforge.jobs.echo.slow")
    assert [len(echo.ends(request.run_id)) for request in flood] == [1] * len(flood)


async def test_long_jobs_leave_the_fast_slots_free(echo: Echo) -> None:
    """Slow slots are full of jobs that take their time; a short job runs at once."""
    slow = [job_requested({"sleep": 30}) for _ in range(8)]
    for request in slow:
        key = run_key(request.tenant_id, request.run_id)
        await echo.log.publisher().publish("jobforge.jobs.echo.slow", key=key, value=request.to_bytes())
    short = job_requested()
    async with echo.working(Limits(concurrency=1, slow=2, grace=0.05)) as worker:
        await until(lambda: worker.in_flight == 2)
        await echo.request(short)
        assert isinstance(await echo.end(short.run_id), RunSucceeded)


async def test_a_long_job_outlives_its_partition_under_its_lease(echo: Echo) -> None:
    """A rebalance waits for a while; then the job goes on, and its end still counts."""
    request = job_requested({"sleep": 0.6})
    await echo.request(request)
    async with echo.working(Limits(drain=0.05)) as first:
        await until(lambda: request.run_id in echo.leases.holders)
        async with echo.working(Limits(drain=0.05)):
            end = await echo.end(request.run_id)
            await until(lambda: first.in_flight == 0)
    assert isinstance(end, RunSucceeded)
    assert len(echo.ends(request.run_id)) == 1


async def test_a_worker_that_hands_back_does_not_count_as_a_start_that_died(echo: Echo) -> None:
    """Rolling restarts never make a job look like poison."""
    request = job_requested({"sleep": 2})
    await echo.request(request)
    for _ in range(3):
        async with echo.working(Limits(drain=0.02, grace=0.02)):
            await until(lambda: request.run_id in echo.leases.holders)
    assert echo.leases.counts[request.run_id] == 0
    assert request.run_id not in echo.leases.holders
