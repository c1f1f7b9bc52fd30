"""What is told to be personal stays in the inbox: nothing else ever holds it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import polars as pl
import yaml
from aiokafka import AIOKafkaProducer

from jobforge.client import generate_trace_id
from jobforge.contracts.identity import otel_trace_id
from jobforge.testkit.planted import redis_with, topics_with
from jobforge.testkit.running import Running, Start
from jobforge.testkit.sites import Reply, serving
from jobforge.testkit.waiting import until

MARKER = "marker-7b1e-ada@example.org"
IN_DOCUMENT = "marker-7c2f-bob@example.net"
"""In a document that no search finds: its object and its index hold it, as they should."""
STORES = {"scans", "usage", "knowledge", "objects", "artifacts"}
TRACED = {"echo": 1, "autopilot": 3, "aias": 2}
"""Jobs of the trace, by domain."""
PAGE = (
    f"""<!doctype html><html><p>{MARKER}</p><!-- {MARKER} --><input value="{MARKER}"><img data-of="{MARKER}"></html>"""
)


async def test_a_planted_marker_is_found_nowhere_but_in_the_raw_inbox_and_rejected_topics(
    running: Start, tmp_path: Path
) -> None:
    """Through both doors, with hints and without, valid and refused: every topic, store, log and span is searched."""
    trace_id = generate_trace_id()
    async with running("ingestion", "manifest", "echo", "keys", "aias", traces=True) as plane:
        event: dict[str, Any] = {
            "tenant_id": "acme",
            "event_type": "settler.contract.uploaded",
            "trace_id": trace_id,
            "source_app": "settler",
            "payload": {"person": {"email": MARKER}, "all": [MARKER, {"deep": MARKER}]},
            "contains_pii": True,
        }
        await plane.client.submit_event(**event)
        await plane.client.submit_event(**event, redaction_hints=["person.email", "all.*", "all.*.deep"])
        async with httpx.AsyncClient(base_url=plane.services["ingestion"].url) as client:
            refused = await client.post("/v1/events", json={**event, "event_type": "Not Valid", "surplus": MARKER})
        assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY
        assert MARKER not in refused.text
        await through_kafka(plane.plane.kafka_bootstrap, {**event, "kind": "event", "event_id": str(uuid4())})
        await through_kafka(plane.plane.kafka_bootstrap, {**event, "kind": "event", "event_type": "Not Valid"})
        accepted = await plane.client.request_job(
            tenant_id="acme", template_key="echo.message.reply", inputs={"message": "no person"}, trace_id=trace_id
        )
        await plane.client.wait(accepted.job.id, "acme")
        await used_by_a_person(plane)
        await run_of_each_service(plane, trace_id, str(accepted.job.id), tmp_path)

        async def all_arrived() -> bool:
            _, counted = await topics_with(plane.plane.kafka_bootstrap, MARKER, IN_DOCUMENT)
            return (
                counted["jobforge.rejected"] == 1
                and len((await plane.client.list_events(tenant_id="acme")).events) == 4
            )

        await until(all_arrived, timeout=30)
        holding, counted = await topics_with(plane.plane.kafka_bootstrap, MARKER, IN_DOCUMENT)
        assert counted["jobforge.events.settler"] == 3
        assert holding == {"jobforge.inbox.settler", "jobforge.rejected"}
        assert await redis_with(plane.plane.redis_url, MARKER, IN_DOCUMENT) == []
        spans = await trace_text(plane.plane.jaeger_url, trace_id)
        assert MARKER not in spans
        assert IN_DOCUMENT not in spans
    assert {path.relative_to(plane.artifacts).parts[0] for path in plane.artifacts.rglob("*.*")} >= STORES
    assert files_with(plane.artifacts, MARKER) == []
    assert {path.relative_to(plane.artifacts).parts[0] for path in files_with(plane.artifacts, IN_DOCUMENT)} <= {
        "objects",
        "knowledge",
    }
    assert files_with(plane.logs, MARKER, IN_DOCUMENT) == []


async def used_by_a_person(plane: Running) -> None:
    """Usage of a key that names a person, stored and added up: what is left of it says nothing, and is not counted."""
    await plane.client.submit_event(
        tenant_id="acme",
        event_type="keys.usage.recorded",
        trace_id=generate_trace_id(),
        source_app="keys",
        payload={"key_id": MARKER, "requests": 1, "bytes_transferred": 1},
        contains_pii=True,
        occurred_at=datetime(2026, 9, 1, 12, tzinfo=UTC),
    )
    inputs = {"period": "2026-09-01", "granularity": "daily"}
    accepted = await plane.client.request_job(
        tenant_id="acme", template_key="keys.usage.aggregate", inputs=inputs, trace_id=generate_trace_id()
    )
    await plane.client.wait(accepted.job.id, "acme", timeout=120)
    manifest = await plane.client.get_run_manifest(run_id=accepted.job.id, tenant_id="acme")
    assert manifest is not None
    assert manifest.outputs is not None
    assert (manifest.outputs["unusable_events"], manifest.outputs["keys"]) == (1, 0)


async def run_of_each_service(plane: Running, trace_id: str, echoed: str, folder: Path) -> None:
    """A scan of a page about a person, the diagnosis of a run whose trace holds personal events, an index with a
    personal document, and a search and a draft that are about another one."""
    with serving({"/": Reply(PAGE.encode(), {"Set-Cookie": f"who={MARKER}"})}) as site:
        targets = folder / "targets.yaml"
        targets.write_text(yaml.safe_dump([{"name": "production", "url": site.url(), "allow_private": True}]))
        await plane.services.start(
            "autopilot",
            JOBFORGE_TARGETS_FILE=str(targets),
            JOBFORGE_URL=plane.services["ingestion"].url,
            JOBFORGE_QUERY_URL=plane.services["manifest"].url,
            JOBFORGE_BROWSER="off",
        )
        await until(lambda: offered(plane, "autopilot.ops.scan"), timeout=60)
        scan = await outputs(plane, trace_id, "autopilot.ops.scan", target="production")
    assert any(finding["id"] == "accessibility.no_label" for check in scan["checks"] for finding in check["findings"])
    diagnosis = await outputs(plane, trace_id, "autopilot.ops.diagnose", run_id=echoed)
    assert any("settler.contract.uploaded" in str(moment) for moment in diagnosis["timeline"])

    for name, text in {
        "manual": "A heat pump needs a yearly inspection.",
        "letter": f"Write to {IN_DOCUMENT}.",
    }.items():
        await plane.client.put_object("document", name, text.encode(), tenant_id="acme", content_type="text/plain")
    await outputs(plane, trace_id, "aias.knowledge.index", document_ids=["manual", "letter"], index_type="keyword")
    draft = await outputs(
        plane, trace_id, "autopilot.growth.content_draft", topic="heat pump", format="blog", knowledge_index="default"
    )
    assert [each["document_id"] for each in draft["sources"]] == ["manual"]


async def outputs(plane: Running, trace_id: str, template_key: str, **inputs: Any) -> dict[str, Any]:
    """What a job gives; it must succeed."""
    accepted = await plane.client.request_job(
        tenant_id="acme", template_key=template_key, inputs=inputs, trace_id=trace_id
    )
    job = await plane.client.wait(accepted.job.id, "acme", timeout=120)
    assert job.status == "succeeded", (template_key, job.error)
    manifest = await plane.client.get_run_manifest(run_id=accepted.job.id, tenant_id="acme")
    assert manifest is not None
    return dict(manifest.outputs or {})


async def offered(plane: Running, template_key: str) -> bool:
    """Whether the door knows the template."""
    return template_key in {template.template_key for template in await plane.client.list_templates()}


async def through_kafka(bootstrap: str, record: dict[str, object]) -> None:
    """Publish on the app's inbox, as an app would."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        await producer.send_and_wait("jobforge.inbox.settler", json.dumps(record).encode(), key=b"k")
    finally:
        await producer.stop()


async def trace_text(jaeger: str, trace_id: str) -> str:
    """The whole trace as Jaeger gives it, once it is there."""
    async with httpx.AsyncClient(base_url=jaeger) as client:
        path = f"/api/v3/traces/{otel_trace_id(trace_id):032x}"

        async def complete() -> bool:
            text = (await client.get(path)).text
            jobs = all(text.count(f"process jobforge.jobs.{domain}") >= count for domain, count in TRACED.items())
            return jobs and "send jobforge.manifests" in text

        await until(complete, timeout=30, every=0.2)
        return (await client.get(path)).text


def files_with(folder: Path, *texts: str) -> list[Path]:
    """Files under a folder that hold one of the texts, in Parquet's packed columns too."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if any(text.encode() in content(path) for text in texts)]


def content(path: Path) -> bytes:
    """A file's bytes, and what they unpack to."""
    return path.read_bytes() + (pl.read_parquet(path).write_json().encode() if path.suffix == ".parquet" else b"")
