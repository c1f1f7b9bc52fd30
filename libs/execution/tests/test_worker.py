"""What the engine promises about every record it reads, over the log in memory."""

import asyncio

import pytest
from prometheus_client import REGISTRY

from jobforge.chassis.wire import Partition
from jobforge.contracts.dead_letter import added_headers
from jobforge.contracts.identity import run_key
from jobforge.contracts.runs import RunFailed, RunStarted, RunSucceeded
from jobforge.execution.worker import Limits
from jobforge.testkit.builders import job_requested
from jobforge.testkit.echo.working import Echo
from jobforge.testkit.waiting import until

GROUP = "jobs-echo"
ATTEMPTS = {"template": "echo.message.reply", "outcome": "RunSucceeded"}


def everything_committed(echo: Echo) -> bool:
    """Whether the group is past every job."""
    ends = [(Partition("jobforge.jobs.echo", n), echo.log.end(Partition("jobforge.jobs.echo", n))) for n in range(2)]
    return all(end == 0 or echo.log.committed(GROUP, at) == end for at, end in ends)


async def test_every_request_ends_in_one_terminal_record(echo: Echo) -> None:
    """Two hundred requests, two hundred ends, and the group's commits are past all of them."""
    requests = [job_requested({"message": str(n)}) for n in range(200)]
    await echo.request(*requests)
    async with echo.working():
        for request in requests:
            assert isinstance(await echo.end(request.run_id), RunSucceeded)
        await until(lambda: everything_committed(echo))
    assert [len(echo.ends(request.run_id)) for request in requests] == [1] * 200


async def test_a_run_starts_before_it_ends_in_the_log(echo: Echo) -> None:
    """``RunStarted`` comes first on the same partition, and names the same attempt and claim."""
    request = job_requested()
    await echo.request(request)
    async with echo.working():
        end = await echo.end(request.run_id)
    started = echo.of(request.run_id)[0]
    assert isinstance(started, RunStarted)
    assert (started.attempt, started.claim) == (end.attempt, end.claim)


@pytest.mark.parametrize(
    ("behave", "code"),
    [("terminal", "echo.refused"), ("group", "echo.refused"), ("nan", "job.invalid_outputs")],
)
async def test_a_terminal_failure_ends_its_run_at_once_and_the_worker_lives_on(
    echo: Echo, behave: str, code: str
) -> None:
    """The failed run says why and leaves no dead letter; the next one succeeds."""
    bad, good = job_requested({"behave": behave}, attempts=3), job_requested()
    async with echo.working():
        await echo.request(bad)
        end = await echo.end(bad.run_id)
        await echo.request(good)
        assert isinstance(await echo.end(good.run_id), RunSucceeded)
    assert isinstance(end, RunFailed)
    assert (end.error.code, end.error.retryable) == (code, False)
    assert not echo.log.records("jobforge.dlq.echo")
    assert not echo.waiting()


async def test_a_child_process_that_runs_too_long_is_killed_at_the_templates_timeout(echo: Echo) -> None:
    """A call that never returns fails with ``job.timeout``, and the slot is free again."""
    stuck, next_one = job_requested({"behave": "block"}), job_requested({"burn": 0.01})
    async with echo.working():
        await echo.request(stuck)
        end = await echo.end(stuck.run_id)
        await echo.request(next_one)
        assert isinstance(await echo.end(next_one.run_id), RunSucceeded)
    assert isinstance(end, RunFailed)
    assert end.error.code == "job.attempts_exhausted"
    assert end.error.cause is not None
    assert end.error.cause["code"] == "job.timeout"


async def test_a_long_job_does_not_hold_its_neighbours(echo: Echo) -> None:
    """Jobs of one partition run side by side; the commit waits for the slow one."""
    slow = job_requested({"sleep": 3})
    quick = [job_requested({"message": str(n)}) for n in range(50)]
    await echo.request(slow, *quick)
    async with echo.working():
        for request in quick:
            await echo.end(request.run_id)
        assert not echo.ends(slow.run_id)
        assert not everything_committed(echo)
        await echo.end(slow.run_id)
        await until(lambda: everything_committed(echo))


async def test_nothing_is_committed_before_its_outcome_is_acknowledged(echo: Echo) -> None:
    """While the log acknowledges nothing the offset stays; when it does again, the run ends."""
    request = job_requested({"sleep": 0.05})
    await echo.request(request)
    echo.log.mute = True
    async with echo.working():
        await until(lambda: bool(echo.ends(request.run_id)))
        assert not everything_committed(echo)
        echo.log.mute = False
        await until(lambda: everything_committed(echo))


async def test_bytes_that_are_no_request_become_a_dead_letter_untouched(echo: Echo) -> None:
    """The partition moves on; the key's run ends as ``job.unreadable``; not one byte is changed."""
    named, good = job_requested(), job_requested()
    key = run_key(named.tenant_id, named.run_id)
    poison = b"\xff\x00{not json"
    await echo.log.publisher().publish("jobforge.jobs.echo", key=key, value=poison, headers=(("h", b"\xfe"),))
    await echo.request(good)
    async with echo.working():
        end = await echo.end(named.run_id)
        assert isinstance(await echo.end(good.run_id), RunSucceeded)
        await until(lambda: everything_committed(echo))
    assert isinstance(end, RunFailed)
    assert end.error.code == "job.unreadable"
    (dead,) = echo.log.records("jobforge.dlq.echo")
    assert (dead.key, dead.value, dead.headers[0]) == (key, poison, ("h", b"\xfe"))
    assert added_headers(dead.headers)["jobforge-reason"] == "record.malformed"


async def test_the_same_request_twice_runs_once(echo: Echo) -> None:
    """A repeated request, with the same body, does no work twice while its worker lives."""
    request = job_requested({"sleep": 0.1})
    await echo.request(request, request)
    async with echo.working():
        await echo.end(request.run_id)
        await echo.request(request)
        await until(lambda: everything_committed(echo))
    assert len(echo.ends(request.run_id)) == 1


async def test_another_body_for_the_same_run_is_rejected_and_the_first_one_counts(echo: Echo) -> None:
    """In the log the first request names the run's body."""
    first = job_requested({"message": "one", "sleep": 0.1})
    other = job_requested({"message": "two"}, run_id=first.run_id)
    await echo.request(first, other)
    async with echo.working():
        end = await echo.end(first.run_id)
        await until(lambda: everything_committed(echo))
    assert isinstance(end, RunSucceeded)
    assert end.outputs["message"] == "one"
    (rejected,) = echo.log.records("jobforge.rejected")
    assert added_headers(rejected.headers)["jobforge-reason"] == "idempotency.conflict"


async def test_a_stopping_worker_hands_back_what_it_cannot_finish(echo: Echo) -> None:
    """What the grace period cuts off is not committed, has no outcome, and the next worker ends it."""
    request = job_requested({"sleep": 1})
    await echo.request(request)
    async with echo.working(Limits(drain=0.05, grace=0.05)) as worker:
        await until(lambda: worker.in_flight == 1)
    assert not echo.ends(request.run_id)
    assert not everything_committed(echo)
    async with echo.working():
        assert isinstance(await echo.end(request.run_id), RunSucceeded)


async def test_a_stopping_worker_finishes_what_it_can(echo: Echo) -> None:
    """A short job is ended and committed by the worker that started it."""
    request = job_requested({"sleep": 0.2})
    await echo.request(request)
    async with echo.working() as worker:
        await until(lambda: worker.in_flight == 1)
    assert isinstance(echo.ends(request.run_id)[0], RunSucceeded)
    assert everything_committed(echo)


async def test_a_second_worker_takes_partitions_over_without_losing_a_run(echo: Echo) -> None:
    """A rebalance in the middle of the work loses nothing."""
    requests = [job_requested({"message": str(n), "sleep": 0.01}) for n in range(300)]
    await echo.request(*requests)
    async with echo.working(Limits(concurrency=4)):
        await until(lambda: len(echo.log.records("jobforge.runs")) > 20)
        async with echo.working(Limits(concurrency=4)):
            for request in requests:
                await echo.end(request.run_id)
            await until(lambda: everything_committed(echo))


async def test_a_full_window_pauses_and_then_goes_on(echo: Echo) -> None:
    """Back-pressure bounds what is held, and lets go when the work is done."""
    requests = [job_requested({"message": str(n), "sleep": 0.002}) for n in range(400)]
    await echo.request(*requests)
    async with echo.working(Limits(concurrency=2, queued_bytes=2000, window=20)):
        for request in requests:
            await echo.end(request.run_id)


async def test_large_outputs_become_an_artifact(echo: Echo) -> None:
    """What does not fit inline is stored whole and named."""
    request = job_requested({"message": "x" * 2000})
    await echo.request(request)
    async with echo.working():
        end = await echo.end(request.run_id)
    assert isinstance(end, RunSucceeded)
    assert end.outputs == {"$artifact": "outputs.json"}
    assert b"x" * 2000 in await echo.store.read(end.artifacts[0].location)


async def test_inputs_that_do_not_fit_end_the_run_with_the_field(echo: Echo) -> None:
    """The worker checks again what ingestion checked."""
    request = job_requested({"sleep": "long"})
    await echo.request(request)
    async with echo.working():
        end = await echo.end(request.run_id)
    assert isinstance(end, RunFailed)
    assert end.error.code == "job.invalid_inputs"
    assert "/sleep" in end.error.message


async def test_progress_is_in_the_log_between_start_and_end(echo: Echo) -> None:
    """Watchers see how far a run is."""
    request = job_requested({"progress": True, "sleep": 0.05})
    await echo.request(request)
    async with echo.working():
        await echo.end(request.run_id)
    assert [type(record).__name__ for record in echo.of(request.run_id)] == [
        "RunStarted",
        "RunProgressed",
        "RunSucceeded",
    ]


async def test_a_log_that_is_away_keeps_its_runs(echo: Echo) -> None:
    """Outcomes wait for the log; none is dropped."""
    requests = [job_requested({"message": str(n), "sleep": 0.05}) for n in range(20)]
    await echo.request(*requests)
    async with echo.working() as worker:
        await until(lambda: worker.in_flight > 0)
        echo.log.down = True
        await asyncio.sleep(0.15)
        echo.log.down = False
        for request in requests:
            await echo.end(request.run_id)


async def test_attempts_are_counted_and_timed(echo: Echo) -> None:
    """What a dashboard shows of a template is really set."""
    before = REGISTRY.get_sample_value("jobforge_job_attempts_total", ATTEMPTS) or 0
    request = job_requested()
    await echo.request(request)
    async with echo.working():
        await until(lambda: everything_committed(echo) and bool(echo.ends(request.run_id)))
    assert REGISTRY.get_sample_value("jobforge_job_attempts_total", ATTEMPTS) == before + 1


async def test_a_job_record_with_neither_key_nor_value_becomes_a_dead_letter(echo: Echo) -> None:
    """No producer of ours writes such a record: its value is empty, and a header says that it was null."""
    echo.log.append("jobforge.jobs.echo", None, None, (), 0)
    request = job_requested()
    await echo.request(request)
    async with echo.working():
        assert isinstance(await echo.end(request.run_id), RunSucceeded)
        await until(lambda: everything_committed(echo))
    (dead,) = echo.log.records("jobforge.dlq.echo")
    assert (dead.key, dead.value, added_headers(dead.headers)["jobforge-value-null"]) == (None, b"", "true")
