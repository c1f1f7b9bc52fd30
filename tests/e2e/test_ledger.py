"""The history checker on a real history: real services, real Kafka, a client that writes down what it sees."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from jobforge.client import AsyncJobForgeClient
from jobforge.contracts.manifest import RunManifest
from jobforge.contracts.topics import MANIFESTS
from jobforge.ledger.client_log import ClientLog
from jobforge.testkit.running import Running, Start

TEMPLATE = "echo.message.reply"
JOBS = 40


async def ledger(plane: Running, *arguments: str, code: int) -> Any:
    """What ``jobforge ledger --json`` says; it must end with ``code``."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "jobforge"),
        "ledger",
        "--settled",
        "--json",
        *arguments,
        env={"JOBFORGE_KAFKA_BOOTSTRAP": plane.plane.kafka_bootstrap},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == code, (out.decode(), err.decode())
    return json.loads(out)


async def ask(client: AsyncJobForgeClient, log: ClientLog, number: int) -> None:
    """One job from request to manifest, written down; half of them with an artifact."""
    tenant, key = ("a", "b")[number % 2], f"k-{number}"
    inputs = {"message": f"mark-{tenant}", "artifact": "out.txt" if number % 4 < 2 else None}
    call = log.request(tenant, TEMPLATE, key, inputs)
    accepted = await client.request_job(tenant_id=tenant, template_key=TEMPLATE, inputs=inputs, idempotency_key=key)
    call.ok(accepted.job.id)
    async for job in client.watch(accepted.job.id, tenant):
        log.reading(tenant, job.id).job(job)
    reading = log.reading(tenant, accepted.job.id, "manifest")
    manifest = await client.get_run_manifest(run_id=accepted.job.id, tenant_id=tenant)
    assert manifest is not None
    reading.manifest(manifest)


async def published(plane: Running) -> list[RunManifest]:
    """Wait until every run's manifest is on its topic."""
    consumer = AIOKafkaConsumer(
        MANIFESTS.name, bootstrap_servers=plane.plane.kafka_bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    found: dict[object, RunManifest] = {}
    try:
        async with asyncio.timeout(30):
            while len(found) < JOBS:
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    for record in records:
                        manifest = RunManifest.model_validate_json(record.value or b"")
                        found[manifest.run_id] = manifest
    finally:
        await consumer.stop()
    return list(found.values())


async def test_a_real_history_is_clean_and_a_forged_manifest_is_named(running: Start, tmp_path: Path) -> None:
    """Through a killed worker nothing is found; one manifest more, with another end, is found and named."""
    async with running("ingestion", "manifest", "echo", "scheduler") as plane:
        with ClientLog(tmp_path / "client.ndjson", client="c1") as log:
            asked = [asyncio.create_task(ask(plane.client, log, number)) for number in range(JOBS)]
            await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            plane.services["echo"].kill()
            await plane.services.start("echo")
            await asyncio.gather(*asked)
        manifests = await published(plane)
        logs = ("--client-log", str(tmp_path / "client.ndjson"))
        report = await ledger(
            plane,
            *logs,
            *("--artifacts", plane.artifacts.as_uri(), "--query-url", plane.services["manifest"].url),
            code=0,
        )
        assert sum(tally["ended"] for tally in report["tenants"].values()) == JOBS
        assert report["tenants"].keys() == {"a", "b"}
        looked = {name: one["looked_at"] for name, one in report["invariants"].items()}
        assert all(looked[name] for name in ("I1", "I2", "I4", "I5", "I6", "I7", "I8", "I9", "I11"))

        forged = manifests[0].model_copy(update={"outputs": {"reply": "something else"}}).sealed()
        await forge(plane, forged)
        report = await ledger(plane, *logs, code=1)
        assert {finding["run"] for finding in report["findings"]} == {str(forged.run_id)}
        assert {finding["invariant"] for finding in report["findings"]} == {"I1", "I7"}
        other = {"a": "b", "b": "a"}[forged.tenant_id]
        assert (await ledger(plane, "--tenant", other, code=0))["clean"]


async def forge(plane: Running, manifest: RunManifest) -> None:
    """Publish a manifest as nobody should."""
    producer = AIOKafkaProducer(bootstrap_servers=plane.plane.kafka_bootstrap)
    await producer.start()
    try:
        key = f"{manifest.tenant_id}:{manifest.run_id}".encode()
        await producer.send_and_wait(MANIFESTS.name, key=key, value=manifest.to_bytes())
    finally:
        await producer.stop()
