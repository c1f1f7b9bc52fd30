"""One trace id holds everything that was done for it."""

import asyncio
from typing import Any

import httpx

from jobforge.client import generate_trace_id
from jobforge.contracts.identity import otel_root_span_id, otel_trace_id
from jobforge.testkit.running import Start

EXPECTED = {
    ("jobforge-ingestion", "jobforge.trace"),
    ("jobforge-ingestion", "send jobforge.events.settler"),
    ("jobforge-ingestion", "send jobforge.jobs.echo"),
    ("jobforge-echo", "process jobforge.jobs.echo"),
    ("jobforge-echo", "send jobforge.runs"),
    ("jobforge-manifest", "process jobforge.runs"),
    ("jobforge-manifest", "send jobforge.manifests"),
}


async def test_one_trace_holds_ingestion_domain_and_manifest_with_one_root_and_no_orphan(running: Start) -> None:
    """Event and job under one trace id: in Jaeger's API every parent is there, and only the root has none."""
    trace_id = generate_trace_id()
    async with running("ingestion", "manifest", "echo", traces=True) as plane:
        await plane.client.submit_event(
            tenant_id="acme",
            event_type="settler.contract.uploaded",
            trace_id=trace_id,
            source_app="settler",
            subject={"type": "contract", "id": "c-1"},
            payload={"contract_id": "c-1"},
        )
        accepted = await plane.client.request_job(
            tenant_id="acme", template_key="echo.message.reply", inputs={"message": "hi"}, trace_id=trace_id
        )
        await plane.client.wait(accepted.job.id, "acme")
        spans = await trace(plane.plane.jaeger_url, otel_trace_id(trace_id), until={name for _, name in EXPECTED})
    by_id = {span["spanId"]: span for span in spans}
    assert len(by_id) == len(spans)
    roots = [span for span in spans if not span.get("parentSpanId")]
    assert [span["name"] for span in roots] == ["jobforge.trace"]
    assert roots[0]["spanId"] == f"{otel_root_span_id(trace_id):016x}"
    assert [span["name"] for span in spans if span.get("parentSpanId") and span["parentSpanId"] not in by_id] == []
    assert {(span["service"], span["name"]) for span in spans} >= EXPECTED
    chain = ["send jobforge.manifests", "process jobforge.runs", "send jobforge.runs", "process jobforge.jobs.echo"]
    chain += ["send jobforge.jobs.echo", "jobforge.trace"]
    span = next(span for span in spans if span["name"] == chain[0])
    for name in chain[1:]:
        span = by_id[span["parentSpanId"]]
        assert span["name"] == name


async def trace(jaeger: str, otel_id: int, *, until: set[str]) -> list[dict[str, Any]]:
    """The trace's spans from Jaeger's API, once spans of all these names are there: each service sends its own."""
    async with httpx.AsyncClient(base_url=jaeger) as client, asyncio.timeout(30):
        while True:
            answer = await client.get(f"/api/v3/traces/{otel_id:032x}")
            if answer.status_code == httpx.codes.OK:
                spans = [
                    {**span, "service": service_of(resource)}
                    for resource in answer.json()["result"]["resourceSpans"]
                    for scope in resource["scopeSpans"]
                    for span in scope["spans"]
                ]
                if until <= {span["name"] for span in spans}:
                    return spans
            await asyncio.sleep(0.2)


def service_of(resource: dict[str, Any]) -> str:
    """The resource's ``service.name``."""
    attributes = resource["resource"]["attributes"]
    return next(str(a["value"]["stringValue"]) for a in attributes if a["key"] == "service.name")
