"""What is told to be personal stays in the inbox: nothing else ever holds it."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import polars as pl
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from redis.asyncio import Redis

from jobforge.client import generate_trace_id
from jobforge.contracts.identity import otel_trace_id
from jobforge.testkit.running import Running, Start
from jobforge.testkit.waiting import until

MARKER = "marker-7b1e-ada@example.org"


async def test_a_planted_marker_is_found_nowhere_but_in_the_raw_inbox_and_rejected_topics(running: Start) -> None:
    """Through both doors, with hints and without, valid and refused: every topic, store, log and span is searched."""
    trace_id = generate_trace_id()
    async with running("ingestion", "manifest", "echo", "keys", traces=True) as plane:
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

        async def all_arrived() -> bool:
            _, counted = await topics_with(plane.plane.kafka_bootstrap)
            return (
                counted["jobforge.rejected"] == 1
                and len((await plane.client.list_events(tenant_id="acme")).events) == 4
            )

        await until(all_arrived, timeout=30)
        holding, counted = await topics_with(plane.plane.kafka_bootstrap)
        assert counted["jobforge.events.settler"] == 3
        assert holding == {"jobforge.inbox.settler", "jobforge.rejected"}
        assert await redis_with(plane.plane.redis_url) == []
        assert MARKER not in await trace_text(plane.plane.jaeger_url, trace_id)
    assert files_with(plane.artifacts) == []
    assert files_with(plane.logs) == []


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


async def through_kafka(bootstrap: str, record: dict[str, object]) -> None:
    """Publish on the app's inbox, as an app would."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        await producer.send_and_wait("jobforge.inbox.settler", json.dumps(record).encode(), key=b"k")
    finally:
        await producer.stop()


async def topics_with(bootstrap: str) -> tuple[set[str], Counter[str]]:
    """The topics that hold the marker in key, value or headers, and how many records each topic has."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    holding: set[str] = set()
    counted: Counter[str] = Counter()
    try:
        consumer.subscribe(pattern="^jobforge\\..*")
        while not consumer.assignment():
            await consumer._client.force_metadata_update()
            await consumer.getmany(timeout_ms=100)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(at) < end for at, end in ends.items()]):
            for at, records in (await consumer.getmany(timeout_ms=200)).items():
                counted[at.topic] += len(records)
                if any(MARKER.encode() in b"".join(parts(record)) for record in records):
                    holding.add(at.topic)
    finally:
        await consumer.stop()
    return holding, counted


def parts(record: Any) -> list[bytes]:
    """Everything in a record that could hold text."""
    return [record.key or b"", record.value or b"", *(value or b"" for _, value in record.headers)]


async def redis_with(url: str) -> list[str]:
    """Keys that hold the marker, in their name or their value."""
    redis = Redis.from_url(url)
    found = []
    async for key in redis.scan_iter():
        if MARKER.encode() in key or MARKER.encode() in (await redis.dump(key) or b""):
            found.append(key.decode())
    await redis.aclose()
    return found


async def trace_text(jaeger: str, trace_id: str) -> str:
    """The whole trace as Jaeger gives it, once it is there."""
    async with httpx.AsyncClient(base_url=jaeger) as client:
        path = f"/api/v3/traces/{otel_trace_id(trace_id):032x}"

        async def complete() -> bool:
            return "send jobforge.manifests" in (await client.get(path)).text

        await until(complete, timeout=30, every=0.2)
        return (await client.get(path)).text


def files_with(folder: Path) -> list[Path]:
    """Files under a folder that hold the marker, in Parquet's packed columns too."""
    return [path for path in folder.rglob("*") if path.is_file() and MARKER.encode() in content(path)]


def content(path: Path) -> bytes:
    """A file's bytes, and what they unpack to."""
    return path.read_bytes() + (pl.read_parquet(path).write_json().encode() if path.suffix == ".parquet" else b"")
