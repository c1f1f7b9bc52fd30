"""Requests too large to be passed on, which only somebody past the doors writes: each ends, and holds nobody up."""

from collections.abc import Awaitable
from typing import Any

from jobforge.chassis.wire import Position, Record, TooLargeToWrite
from jobforge.contracts.dead_letter import added_headers
from jobforge.contracts.identity import partition_of, run_key
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.runs import RunFailed, RunSucceeded
from jobforge.execution.outcomes import Outcomes
from jobforge.execution.starts import StartsFirst
from jobforge.execution.worker import Limits
from jobforge.testkit.builders import job_requested
from jobforge.testkit.echo.working import PARTITIONS, Echo, new_log
from jobforge.testkit.memory import MemoryLog
from jobforge.testkit.waiting import until

JOBS, DEAD = "jobforge.jobs.echo", "jobforge.dlq.echo"
HEADERS = tuple(("h", b"x" * 1000) for _ in range(2_200))


async def written_past_the_doors(echo: Echo, request: JobRequested, *, value: bytes | None = None) -> None:
    """A batch may be small enough for the broker once it is compressed; here it is its headers that are large."""
    key = run_key(request.tenant_id, request.run_id)
    echo.log.append(JOBS, key, value or request.to_bytes(), HEADERS, partition_of(key, PARTITIONS))


async def refused(echo: Echo, request: JobRequested) -> None:
    """The run has one end, which says why, and its record is a dead letter."""
    end = await echo.end(request.run_id)
    assert isinstance(end, RunFailed)
    assert (end.error.code, end.error.retryable) == ("job.unreadable", False)
    assert "record.too_large" in end.error.message
    (dead,) = echo.log.records("jobforge.dlq.echo")
    said = added_headers(dead.headers)
    assert (said["jobforge-reason"], said["jobforge-headers-left-out"]) == ("record.too_large", str(len(HEADERS)))
    assert len(echo.ends(request.run_id)) == 1


async def test_a_run_whose_request_is_too_large_for_a_retry_topic_never_ended(echo: Echo) -> None:
    """It was written to the retry topic again and again, under its lease."""
    request, other = job_requested({"fail_times": 1}, attempts=2), job_requested()
    await written_past_the_doors(echo, request)
    await echo.request(other)
    async with echo.working() as worker:
        await refused(echo, request)
        assert isinstance(await echo.end(other.run_id), RunSucceeded)
        await until(lambda: worker.in_flight == 0)
    assert not echo.waiting()


async def test_a_run_whose_request_is_too_large_to_wait_for_its_lease_never_ended(echo: Echo) -> None:
    """What cannot be parked is refused."""
    request = job_requested()
    echo.leases.holders[request.run_id] = "somebody else"
    await written_past_the_doors(echo, request)
    async with echo.working():
        await refused(echo, request)


async def test_a_run_of_a_newer_version_whose_request_is_too_large_to_wait_never_ended(echo: Echo) -> None:
    """No worker that knows the version will come for it."""
    request = job_requested()
    newer = request.model_copy(update={"schema_version": 99})
    await written_past_the_doors(echo, request, value=newer.to_bytes())
    async with echo.working():
        await refused(echo, request)


async def test_a_flood_too_large_for_the_slow_lane_stopped_its_partition(echo: Echo) -> None:
    """Its worker tried to move it for ever; now it runs where it is."""
    flood = [job_requested() for _ in range(8)]
    for request in flood:
        await written_past_the_doors(echo, request)
    async with echo.working(Limits(concurrency=1, window=2)) as worker:
        for request in flood:
            assert isinstance(await echo.end(request.run_id), RunSucceeded)
        await until(lambda: worker.in_flight == 0)
    assert not echo.log.records(f"{JOBS}.slow")


async def test_a_request_whose_outcome_no_record_can_hold_never_ended(echo: Echo) -> None:
    """The end of a run tells its inputs, which alone were larger than a record."""
    request = job_requested({"message": "x" * 3_000_000})
    echo.log.append(JOBS, run_key(request.tenant_id, request.run_id), request.to_bytes(), (), 0)
    async with echo.working():
        end = await echo.end(request.run_id)
    assert isinstance(end, RunFailed)
    assert (end.error.code, end.request) == ("job.unreadable", None)
    assert "at most 1703936" in end.error.message
    (dead,) = echo.log.records("jobforge.dlq.echo")
    assert added_headers(dead.headers)["jobforge-reason"] == "record.too_large"


async def test_a_run_whose_inputs_are_written_longer_than_they_came_never_ended(echo: Echo) -> None:
    """``1e15`` has 18 bytes once it is read and written: the run then ends without its inputs."""
    request = job_requested({"numbers": [0.5]})
    value = request.to_bytes().replace(b"[0.5]", b"[" + b",".join([b"1e15"] * 200_000) + b"]")
    echo.log.append(JOBS, run_key(request.tenant_id, request.run_id), value, (), 0)
    async with echo.working():
        end = await echo.end(request.run_id)
    assert isinstance(end, RunFailed)
    assert end.request is not None
    assert (end.error.code, end.request.inputs) == ("job.invalid_outputs", {})


async def test_a_dead_letter_that_its_topic_refuses_for_a_while_made_its_run_run_again() -> None:
    """A topic's limit may be set too low: what is set aside, or ends a run, is repeated until it is written."""
    log = Reluctant(new_log())
    outcomes = Outcomes(StartsFirst(log), PARTITIONS)
    record = Record(JOBS, 0, 0, b"k", b"{", (), 0)
    assert await outcomes.set_aside(record, DEAD, "job.attempts_exhausted", "detail") == Position(DEAD, 0, 0)
    assert log.refused == 2


class Reluctant:
    """A ``Publisher`` that finds the first two records too large."""

    def __init__(self, log: MemoryLog) -> None:
        self._publisher = log.publisher()
        self.refused = 0

    async def publish(self, topic: str, **record: Any) -> Position:
        """See ``wire.Publisher.publish``."""
        if self.refused < 2:
            self.refused += 1
            raise TooLargeToWrite(topic)
        return await self._publisher.publish(topic, **record)

    async def send(self, topic: str, **record: Any) -> Awaitable[Position]:
        """See ``wire.Publisher.send``."""
        return await self._publisher.send(topic, **record)
