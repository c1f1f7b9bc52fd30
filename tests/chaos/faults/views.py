"""Redis emptied, killed, away, cut off, slow: it only shows, so nothing may be lost or shown wrong."""

import asyncio

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from trial.fault import Fault, NotAsPromised, Stage


async def flush(stage: Stage) -> None:
    """FLUSHALL at random moments."""
    redis = Redis.from_url(stage.plane.servers.redis_url)
    try:
        for _ in range(stage.times):
            await redis.flushall()
            await asyncio.sleep(stage.random.uniform(0.2, 2 * stage.seconds / stage.times))
    finally:
        await redis.aclose()


async def flush_once(stage: Stage) -> None:
    """FLUSHALL, as soon as there is a Redis: in a storm another fault may just have killed it."""
    redis = Redis.from_url(stage.plane.servers.redis_url, retry=Retry(ConstantBackoff(0.1), 150))
    try:
        await redis.flushall()
    finally:
        await redis.aclose()


async def crash(stage: Stage) -> None:
    """Kill Redis, which may forget its last second, and start it again."""
    for _ in range(max(stage.times // 2, 1)):
        await asyncio.to_thread(stage.plane.servers.valkey.kill)
        await asyncio.to_thread(stage.plane.servers.valkey.start)
        await asyncio.sleep(stage.random.uniform(0.5, 3))


async def away(stage: Stage) -> None:
    """No Redis at all for a while; what is asked for meanwhile must be accepted."""
    await asyncio.to_thread(stage.plane.servers.valkey.stop)
    before = len(stage.clients.known)
    try:
        await asyncio.sleep(stage.seconds)
        accepted = len(stage.clients.known) - before
    finally:
        await asyncio.to_thread(stage.plane.servers.valkey.start)
    stage.notes.append(f"{accepted} jobs accepted without Redis")
    if not accepted:
        raise NotAsPromised("nothing was accepted while Redis was away")


async def frozen(stage: Stage) -> None:
    """Connections to Redis stay open and nothing comes back."""
    stage.plane.redis.freeze()
    await _wait_and_mend(stage)


async def cut(stage: Stage) -> None:
    """Connections to Redis break, and new ones are refused."""
    stage.plane.redis.cut()
    await _wait_and_mend(stage)


async def slow(stage: Stage) -> None:
    """Everything from and to Redis takes a fifth of a second longer."""
    stage.plane.redis.delay = 0.2
    await _wait_and_mend(stage)


async def _wait_and_mend(stage: Stage) -> None:
    try:
        await asyncio.sleep(stage.seconds)
    finally:
        stage.plane.redis.mend()


_EXPECTED = "manifests identical after, with the same digests; no stale read, no false 404; running jobs go on"
ROWS = (
    Fault("redis-flush-busy", "Redis FLUSHALL under load", _EXPECTED, flush, seconds=12),
    Fault("redis-flush-idle", "Redis FLUSHALL with nothing going on", _EXPECTED, flush_once, idle=True),
    Fault("redis-crash", "Redis kill -9", _EXPECTED, crash, seconds=8),
    Fault("redis-away", "no Redis", _EXPECTED, away, seconds=60),
    Fault("redis-frozen", "the network to Redis frozen", _EXPECTED, frozen, seconds=20),
    Fault("redis-cut", "the network to Redis cut", _EXPECTED, cut, seconds=15),
    Fault("redis-slow", "the network to Redis slow (0.2 s each way)", _EXPECTED, slow, seconds=15),
)
