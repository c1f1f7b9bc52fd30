"""Runs that try again, with workers and schedulers as real processes."""

from typing import Any

import httpx

from jobforge.contracts.runs import RunSucceeded
from jobforge.testkit.builders import job_requested
from jobforge.testkit.waiting import until
from jobforge.testkit.workers import Workers

SEND, PROCESS = "send jobforge.retry.5s", "process jobforge.jobs.echo"


async def test_a_run_that_fails_twice_succeeds_at_its_third_attempt_in_one_trace(workers: Workers) -> None:
    """Each attempt is a child of the send that let it wait, though the scheduler moved the record in between."""
    plane = workers.plane
    await workers.services.start("echo", "scheduler", OTEL_EXPORTER_OTLP_ENDPOINT=plane.otlp_endpoint)
    request = job_requested({"message": "hello", "fail_times": 2}, trace_id="retry-1", attempts=3)
    await workers.request(request)
    await workers.ended([request.run_id])
    (end,) = [outcome for outcome in await workers.outcomes() if outcome.run_id == request.run_id]
    assert isinstance(end, RunSucceeded)
    assert end.attempt == 3

    async with httpx.AsyncClient(base_url=plane.jaeger_url) as jaeger:

        async def spans(name: str) -> list[dict[str, Any]]:
            query = {"service": "jobforge-echo", "tags": '{"app.trace_id":"retry-1"}'}
            found = (await jaeger.get("/api/traces", params=query)).json()["data"] or []
            return [span for trace in found for span in trace["spans"] if span["operationName"] == name]

        async def all_there() -> bool:
            return len(await spans(PROCESS)) == 3 and len(await spans(SEND)) == 2

        await until(all_there, timeout=20, every=0.2)
        sent, processed = await spans(SEND), await spans(PROCESS)
    parents = [_parent(span) for span in sorted(processed, key=lambda span: span["startTime"])]
    assert parents[1:] == [span["spanID"] for span in sorted(sent, key=lambda span: span["startTime"])]
    assert "Traceback" not in workers.log("scheduler")


def _parent(span: dict[str, Any]) -> str:
    return str(next(r["spanID"] for r in span["references"] if r["refType"] == "CHILD_OF"))


async def test_runs_that_try_again_all_end_though_a_scheduler_is_killed(workers: Workers) -> None:
    """Another one takes over what waited."""
    await workers.services.start("echo", "scheduler", "scheduler#2")
    ids = await workers.request(*(job_requested({"message": str(n), "fail_times": 1}, attempts=3) for n in range(200)))
    await until(lambda: _some_retry(workers), timeout=20)
    workers.services["scheduler"].kill()
    counted = await workers.ended(ids, timeout=60)
    assert set(counted.values()) == {1}
    assert all(isinstance(outcome, RunSucceeded) for outcome in await workers.outcomes())


async def _some_retry(workers: Workers) -> bool:
    return len(await workers.read("jobforge.retry.5s")) >= 20
