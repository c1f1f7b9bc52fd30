"""Traces that outlive a crash."""

from typing import Any

import httpx

from jobforge.contracts.identity import otel_root_span_id
from jobforge.testkit.builders import job_requested
from jobforge.testkit.waiting import until
from jobforge.testkit.workers import Workers


async def test_a_run_that_a_crash_interrupted_has_no_span_without_its_parent(workers: Workers) -> None:
    """The killed attempt's span is never sent, so nothing may hang under it."""
    plane = workers.plane
    await workers.services.start("scheduler")  # the killed attempt's lease sends its request through a retry topic
    await workers.services.start("echo", OTEL_EXPORTER_OTLP_ENDPOINT=plane.otlp_endpoint)
    ids = await workers.request(job_requested({"sleep": 2, "progress": True}, trace_id="crash-1"))
    await until(lambda: _begun(workers), timeout=20)
    workers.services["echo"].kill()
    await workers.services.start("echo", OTEL_EXPORTER_OTLP_ENDPOINT=plane.otlp_endpoint)
    await workers.ended(ids)

    async with httpx.AsyncClient(base_url=plane.jaeger_url) as jaeger:

        async def spans() -> list[dict[str, Any]]:
            query = {"service": "jobforge-echo", "tags": '{"app.trace_id":"crash-1"}'}
            found = (await jaeger.get("/api/traces", params=query)).json()["data"] or []
            return [span for trace in found for span in trace["spans"]]

        async def both() -> bool:
            return len(await spans()) == 2

        await until(both, timeout=15)
        found = {str(span["operationName"]): span for span in await spans()}
    parents = {name: span["references"][0]["spanID"] for name, span in found.items()}
    assert parents == {
        "process jobforge.jobs.echo": f"{otel_root_span_id('crash-1'):016x}",
        "send jobforge.runs": found["process jobforge.jobs.echo"]["spanID"],
    }


async def _begun(workers: Workers) -> bool:
    return bool(await workers.read("jobforge.runs"))
