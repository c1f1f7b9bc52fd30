"""Usage of API keys through real services: what a crash leaves of it, and what a job counts."""

import csv
import io
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
from aiokafka.admin import AIOKafkaAdminClient

from jobforge.testkit.running import Running, Start
from jobforge.testkit.waiting import until

EVENTS = 800
REPEATS = 40
TENANT = "acme"
BEGIN = datetime(2026, 9, 1, tzinfo=UTC)
PERIOD = "2026-09-01/2026-10-15"


async def test_kill_9_between_storing_usage_and_committing_it_loses_and_doubles_nothing(running: Start) -> None:
    """Each event stands in an hour of its own, so that storing them takes a while, in which the crash comes."""
    async with running("ingestion", "manifest", "scheduler", "keys") as plane:
        events = [usage(number) for number in range(EVENTS)]
        await send(plane, events)
        await until(lambda: any(plane.artifacts.glob("usage/**/*.parquet")), timeout=60, every=0.002)
        plane.services["keys"].kill()
        assert await commits(plane) < EVENTS, "the crash came too late to prove anything"
        more = [usage(number) for number in range(EVENTS, EVENTS + 100)]
        redacted = usage(0) | {"contains_pii": True}
        await send(plane, [*events[:REPEATS], *more, redacted])
        await plane.services.start("keys")

        run_id, outputs = await aggregated(plane)
        expected = sum(event["payload"]["requests"] for event in events + more)
        assert (outputs["requests"], outputs["events"]) == (expected, EVENTS + 100)
        assert outputs["repeated_events"] == REPEATS
        assert outputs["unusable_events"] == 1
        assert outputs["late_events"] == EVENTS + 100
        rows = csv.DictReader(io.StringIO((await plane.client.get_artifact(run_id, "usage.csv", TENANT)).decode()))
        sums: Counter[str] = Counter()
        for row in rows:
            sums[row["key_id"]] += int(row["requests"])
        assert sums == independently(events + more)
        assert b"<svg" in await plane.client.get_artifact(run_id, "usage.svg", TENANT)


def usage(number: int) -> dict[str, Any]:
    """An event of an hour of its own."""
    return {
        "tenant_id": TENANT,
        "event_type": "keys.usage.recorded",
        "event_id": str(uuid4()),
        "trace_id": f"usage-{number}",
        "source_app": "keys",
        "payload": {"key_id": f"key-{number % 7}", "requests": number, "bytes_transferred": 10 * number},
        "occurred_at": (BEGIN + timedelta(hours=number)).isoformat(),
    }


async def send(plane: Running, events: list[dict[str, Any]]) -> None:
    """All at once; each must be accepted."""
    async with httpx.AsyncClient(timeout=60) as client:
        answer = await client.post(f"{plane.services['ingestion'].url}/v1/events:batch", json=events)
    assert {each["status"] for each in answer.json()} == {202}, answer.text[:500]


async def commits(plane: Running) -> int:
    """How many records the usage group has committed."""
    admin = AIOKafkaAdminClient(bootstrap_servers=plane.plane.kafka_bootstrap)
    await admin.start()
    try:
        held = await admin.list_consumer_group_offsets("keys-usage")
    finally:
        await admin.close()
    return sum(each.offset for each in held.values())


async def aggregated(plane: Running) -> tuple[str, dict[str, Any]]:
    """A job and its outputs; it must succeed."""
    accepted = await plane.client.request_job(
        tenant_id=TENANT, template_key="keys.usage.aggregate", inputs={"period": PERIOD, "granularity": "daily"}
    )
    run_id = str(accepted.job.id)
    job = await plane.client.wait(run_id, TENANT, timeout=120)
    assert job.status == "succeeded", job.error
    manifest = await plane.client.get_run_manifest(run_id=run_id, tenant_id=TENANT)
    assert manifest is not None
    assert manifest.outputs is not None
    return run_id, dict(manifest.outputs)


def independently(events: list[dict[str, Any]]) -> Counter[str]:
    """Requests by key."""
    sums: Counter[str] = Counter()
    for event in events:
        sums[event["payload"]["key_id"]] += event["payload"]["requests"]
    return sums
