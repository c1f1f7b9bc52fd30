"""A log in memory with what the scheduler reads and writes, and a plane over it and a real Valkey."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis

from jobforge.chassis.redis_line import RedisLine
from jobforge.contracts.control import TemplateAnnounced
from jobforge.contracts.runs import Environment
from jobforge.contracts.topics import RETRY_TIERS
from jobforge.execution.leases import RedisLeases
from jobforge.scheduler.acting import Acts
from jobforge.scheduler.deadlines import Deadlines
from jobforge.scheduler.open_runs import OpenRuns
from jobforge.scheduler.searching import Search
from jobforge.scheduler.verdicts import Patience
from jobforge.testkit.memory import MemoryLog
from jobforge.testkit.tended import Tended

PARTITIONS = 2
TOPICS = {
    "jobforge.runs": PARTITIONS,
    "jobforge.jobs.echo": PARTITIONS,
    "jobforge.jobs.echo.slow": PARTITIONS,
    "jobforge.rejected": 1,
    **{tier.topic.name: PARTITIONS for tier in RETRY_TIERS},
}
ENVIRONMENT = Environment(service="scheduler", version="1", python="3.11", platform="linux", host="h")
ECHO = TemplateAnnounced(
    template_key="echo.message.reply",
    version="2",
    domain="echo",
    description="Says it again.",
    input_schema={"properties": {"message": {"type": "string"}, "token": {"type": "string", "sensitive": True}}},
    output_schema={},
    timeout_seconds=5,
    attempts=3,
    announced_at=datetime(2026, 2, 2, tzinfo=UTC),
)


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog(partitions=TOPICS)


@pytest.fixture
async def tended(log: MemoryLog, redis: Redis) -> AsyncIterator[Tended]:
    """A plane whose scheduler looks when the test says so."""
    plane = Tended(log, redis, PARTITIONS)
    leases = RedisLeases(RedisLine.beside(redis))
    acts = Acts(
        log.publisher(),
        plane.asked,
        lambda: {ECHO.template_key: ECHO},
        worker="scheduler@h:1",
        environment=ENVIRONMENT,
        partitions=PARTITIONS,
        now=lambda: plane.now,
    )
    deadlines = Deadlines(
        lambda: range(PARTITIONS),
        OpenRuns(redis),
        leases,
        plane.asked,
        Search(plane.asked, plane.asked),
        acts,
        patience=Patience(),
        now=lambda: plane.now,
        clock=lambda: plane.time,
    )
    plane.look = deadlines.look
    yield plane
    await leases.close()
