"""A real Valkey, a log in memory and a whole manifest service over both."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from jobforge.chassis.artifacts import ArtifactStore
from jobforge.chassis.telemetry import Telemetry
from jobforge.contracts import topics
from jobforge.manifest import archiver, feed, problems
from jobforge.manifest.archiver import Archiver
from jobforge.manifest.background import running
from jobforge.manifest.door import Door
from jobforge.manifest.families import PATTERN
from jobforge.manifest.feed import Projector
from jobforge.manifest.freshness import Freshness
from jobforge.manifest.hot import ManifestApp, hot_reads
from jobforge.manifest.lists_http import lists_router
from jobforge.manifest.outbox import Outbox
from jobforge.manifest.push import Changes
from jobforge.manifest.reads import Reads
from jobforge.manifest.runs_http import runs_router
from jobforge.manifest.store import Store
from jobforge.testkit.memory import MemoryLog
from jobforge.testkit.served_view import EmptyLog, Serve, ServedView, ServeOver
from jobforge.testkit.waiting import until

PARTITIONS = 4
TOPICS = {
    "jobforge.runs": PARTITIONS,
    "jobforge.jobs.echo": PARTITIONS,
    "jobforge.jobs.echo.slow": PARTITIONS,
    "jobforge.events.settler": PARTITIONS,
    "jobforge.manifests": PARTITIONS,
    "jobforge.rejected": 1,
}


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog(partitions=TOPICS)


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(f"file://{tmp_path}")


@asynccontextmanager
async def serving(log: MemoryLog, redis: Redis, artifacts: ArtifactStore) -> AsyncIterator[ServedView]:
    """The service over what is given; leaving the context stops it cleanly."""
    telemetry = Telemetry(service="manifest", version="0", endpoint=None, environment={})
    store = Store(redis)
    freshness = Freshness(log, partitions=PARTITIONS)
    changes = Changes(redis, store, freshness)
    outbox = Outbox(log.publisher(), telemetry, group=feed.GROUP, timeout=0.5)
    projector = Projector(store=store, outbox=outbox, archive=artifacts.read_manifest, told=changes)
    reads = Reads(redis, freshness, artifacts, partitions=PARTITIONS)
    flags = {"JOBFORGE_MANIFESTS_ENABLED": True}
    door = Door(reads, changes, artifacts, flags.__getitem__, "http://jaeger.example")
    app = ManifestApp()
    problems.install(app)
    hot_reads(app, door)
    app.include_router(lists_router(door))
    app.include_router(runs_router(door))
    await freshness.aim()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(reads.close)
        stack.push_async_callback(store.close)
        await stack.enter_async_context(running(changes.listen(), changes.probe()))
        await stack.enter_async_context(log.member(group=feed.GROUP, reader=projector, pattern=PATTERN))
        await stack.enter_async_context(
            log.member(group=archiver.GROUP, reader=Archiver(artifacts), topics=[topics.MANIFESTS.name])
        )
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        http = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://manifest"))
        await until(lambda: freshness.caught_up, 10)
        yield ServedView(log, redis, artifacts, app, flags, http, changes.close)


@pytest.fixture
async def service(log: MemoryLog, redis: Redis, artifacts: ArtifactStore) -> AsyncIterator[ServedView]:
    async with serving(log, redis, artifacts) as started:
        yield started


@pytest.fixture
def serve(log: MemoryLog, redis: Redis, artifacts: ArtifactStore) -> Serve:
    """Starts the service, more than once if a test wants to restart it."""
    return lambda: serving(log, redis, artifacts)


@pytest.fixture(scope="session")
def serving_service() -> ServeOver:
    """The same, over whatever a test brings."""
    return serving


@pytest.fixture(scope="session")
def empty_log() -> EmptyLog:
    """Makes a log with the topics of these tests."""
    return lambda: MemoryLog(partitions=TOPICS)
