"""Rows read together: what many callers want at one moment is one round trip on one connection."""

from collections.abc import Sequence
from typing import NamedTuple

from redis.asyncio import Redis

from jobforge.chassis.redis_line import RedisLine
from jobforge.chassis.redis_together import Script, Together
from jobforge.manifest import keys, scripts


class Held(NamedTuple):
    """The watermarks and the fields of a row, in the order asked for, as they were at one moment; None: not there."""

    watermarks: list[bytes | None]
    fields: list[bytes | None]


class Rows:
    """Reads single rows; a question that comes while others are under way goes with the next round trip."""

    def __init__(self, redis: Redis) -> None:
        self._script = Script(scripts.READ)
        self._together = Together(RedisLine.beside(redis), scripts=[self._script])

    async def read(self, row: str, *, watermarks: Sequence[str], fields: Sequence[str]) -> Held:
        """The row at one moment; raises ``RedisError`` or ``OSError`` while Redis is away."""
        arguments: Sequence[str | int] = (len(watermarks), *watermarks, *fields)
        (answer,) = await self._together.ask(self._script.command((keys.WATERMARKS, row), arguments))
        return Held(*answer)

    async def close(self) -> None:
        """Disconnect."""
        await self._together.close()
