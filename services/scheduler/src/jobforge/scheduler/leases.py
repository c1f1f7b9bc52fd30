"""Who works on a run now, as the leases say: read here, written by workers alone."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from redis.asyncio import Redis

from jobforge.chassis.view_names import lease


class Leases:
    """Reads leases by the clock of Redis, which also wrote them."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def held(self, runs: Sequence[tuple[str, UUID]]) -> list[bool]:
        """For each run (tenant, id) whether somebody holds a live lease on it; raises ``RedisError`` or ``OSError``."""
        if not runs:
            return []
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.mget([lease(tenant_id, run_id) for tenant_id, run_id in runs])
            answer: list[Any] = await pipe.execute()
        (seconds, micros), values = answer
        now = seconds * 1000 + micros // 1000
        return [_until(value) > now for value in values]


def _until(value: bytes | None) -> int:
    """Milliseconds of the Redis clock at which a lease (``<count>:<until>:<claim>``) ends; 0 for none."""
    parts = (value or b"").split(b":", 2)
    return int(parts[1]) if len(parts) == 3 and parts[1].isdigit() else 0
