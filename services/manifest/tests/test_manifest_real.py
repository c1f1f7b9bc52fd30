"""The service as it is started, on real Kafka and Valkey: a rebuild after FLUSHALL gives the same bytes."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from redis.asyncio import Redis

from jobforge.chassis.artifacts import ArtifactStore
from jobforge.chassis.kafka import Kafka
from jobforge.chassis.settings import Settings
from jobforge.chassis.telemetry import Telemetry
from jobforge.contracts.identity import partition_of, run_key
from jobforge.manifest import sweeper
from jobforge.manifest.app import create_app
from jobforge.manifest.sealing import seal
from jobforge.testkit.backends import Plane
from jobforge.testkit.run_records import failed, progressed, requested, started, succeeded
from jobforge.testkit.waiting import until

pytestmark = pytest.mark.real
RUNS = 300


async def test_the_service_sweeps_artifacts_by_itself(
    clean_plane: Plane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As old as its setting says."""
    monkeypatch.setattr(sweeper, "FIRST_WAIT", timedelta())
    settings = Settings(
        kafka_bootstrap=clean_plane.kafka_bootstrap,
        redis_url=clean_plane.redis_url,
        artifacts_url=f"file://{tmp_path}",
        artifacts_sweep_after=timedelta(microseconds=1),
    )
    store = ArtifactStore(settings.artifacts_url)
    run_id = uuid4()
    late = await store.write_artifact("acme", run_id, 1, "late", "a.txt", b"x", "text/plain")
    await store.write_manifest("acme", run_id, seal(failed(run_id), ()).value)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        await until(lambda: not (tmp_path / late.location).exists(), 30)
    assert await store.read_manifest("acme", run_id) is not None


async def test_manifests_are_the_same_bytes_after_a_flush_under_load(clean_plane: Plane, tmp_path: Path) -> None:
    """While records go on coming Redis is flushed; no read goes back in time, and every digest is what it was."""
    settings = Settings(
        kafka_bootstrap=clean_plane.kafka_bootstrap,
        redis_url=clean_plane.redis_url,
        artifacts_url=f"file://{tmp_path}",
        profile="development",
    )
    app = create_app(settings)
    writer = Kafka(
        settings, service="writer", telemetry=Telemetry(service="writer", version="0", endpoint=None, environment={})
    )
    async with app.router.lifespan_context(app):
        await writer.start()
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://manifest", timeout=30) as http:

            async def is_ready() -> bool:
                return (await http.get("/readyz")).status_code == 200

            await until(is_ready, 30)
            first = [uuid4() for _ in range(RUNS)]
            await asyncio.gather(*(_runs(writer, run_id) for run_id in first))
            before = await _digests(http, first)
            redis = Redis.from_url(clean_plane.redis_url)
            second = [uuid4() for _ in range(RUNS)]
            writing = asyncio.ensure_future(asyncio.gather(*(_runs(writer, run_id) for run_id in second)))
            await redis.flushall()
            statuses = set()
            for run_id in first[:50]:
                answer = await http.get(f"/v1/runs/{run_id}", params={"tenant_id": "acme"})
                statuses.add((answer.status_code, answer.json().get("status")))
            assert statuses <= {(503, 503), (200, "succeeded")}, statuses
            await writing
            await until(lambda: _lists(http, 200), 30)
            assert await _digests(http, first) == before
            after = await _digests(http, second)
            await redis.flushall()
            await until(lambda: _lists(http, 200), 30)
            assert await _digests(http, second) == after
            assert await _digests(http, first) == before
            await redis.aclose()
            assert (await http.get("/metrics")).status_code == 200
        await writer.stop()


async def _runs(writer: Kafka, run_id: UUID) -> None:
    key = run_key("acme", run_id)
    partition = partition_of(key, 8)
    request = requested(run_id)
    await writer.publisher.publish("jobforge.jobs.settler", key=key, value=request.to_bytes(), partition=partition)
    for record in (started(run_id), progressed(run_id, 0.5), succeeded(run_id)):
        await writer.publisher.publish("jobforge.runs", key=key, value=record.to_bytes(), partition=partition)


async def _lists(http: httpx.AsyncClient, runs: int) -> bool:
    """Whether the view, and not what the service remembers, has so many runs again."""
    answer = await http.get("/v1/runs", params={"tenant_id": "acme", "limit": runs})
    return answer.status_code == 200 and len(answer.json()["runs"]) == runs


async def _digests(http: httpx.AsyncClient, run_ids: list[UUID]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}

    async def all_ended() -> bool:
        for run_id in run_ids:
            if str(run_id) in found:
                continue
            answer = await http.get(f"/v1/runs/{run_id}/manifest", params={"tenant_id": "acme"})
            assert answer.status_code in {200, 503}, answer.text
            if answer.status_code == 503 or answer.json()["status"] == "pending":
                return False
            assert re.fullmatch("[0-9a-f]{64}", answer.json()["digest"])
            found[str(run_id)] = answer.content
        return True

    await until(all_ended, 60)
    return found


async def test_a_view_whose_log_lost_unread_records_and_has_none_after_them_is_ready_again(
    clean_plane: Plane, tmp_path: Path
) -> None:
    """As after a view that was away for longer than the log keeps anything, on a quiet partition."""
    settings = Settings(
        kafka_bootstrap=clean_plane.kafka_bootstrap,
        redis_url=clean_plane.redis_url,
        artifacts_url=f"file://{tmp_path}",
        profile="development",
    )
    writer = Kafka(
        settings, service="writer", telemetry=Telemetry(service="writer", version="0", endpoint=None, environment={})
    )
    await writer.start()
    run_id = uuid4()
    partition = partition_of(run_key("acme", run_id), 8)
    async with _served(settings) as http:
        await _runs(writer, run_id)
        await until(lambda: _lists(http, 1), 30)
    for _ in range(3):
        await _runs(writer, run_id)
    await _delete_all(clean_plane, [("jobforge.jobs.settler", partition), ("jobforge.runs", partition)])
    async with _served(settings) as http:
        assert await _lists(http, 1)
    await writer.stop()


@asynccontextmanager
async def _served(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The service, once it is ready."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://manifest", timeout=30) as http:

            async def is_ready() -> bool:
                return (await http.get("/readyz")).status_code == 200

            await until(is_ready, 30)
            yield http


async def _delete_all(plane: Plane, partitions: list[tuple[str, int]]) -> None:
    """What retention does to a partition into which nobody writes any more."""
    admin = AIOKafkaAdminClient(bootstrap_servers=plane.kafka_bootstrap)
    await admin.start()
    await admin.delete_records({TopicPartition(*at): RecordsToDelete(-1) for at in partitions})
    await admin.close()
