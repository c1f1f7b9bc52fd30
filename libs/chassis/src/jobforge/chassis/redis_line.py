"""One connection to Redis for one caller at a time: a third of the price of a pooled pipeline on the hot path."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Self

from redis.asyncio import ConnectionPool, Redis
from redis.exceptions import RedisError

CONNECT_TIMEOUT = 1.0

Command = tuple[str | bytes | int, ...]


class RedisLine:
    """Sends commands together and reads their replies; after any failure it starts with a new connection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @classmethod
    def to(cls, url: str) -> Self:
        """A line without a time-out on answers: the caller has a budget for the whole question."""
        pool: Any = ConnectionPool.from_url(
            url, socket_connect_timeout=CONNECT_TIMEOUT, socket_keepalive=True, decode_responses=False
        )
        return cls(pool.make_connection())

    @classmethod
    def beside(cls, redis: Redis) -> Self:
        """A line with the address and the time-outs of a client, outside its pool."""
        pool: Any = redis.connection_pool
        return cls(pool.make_connection())

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """The reply to each command, in bytes; raises ``RedisError`` or ``OSError``."""
        line = self._connection
        try:
            await line.connect()
            await line.send_packed_command(line.pack_commands(commands), check_health=False)
            return [await line.read_response() for _ in commands]
        except BaseException:  # also when given up: a reply still to come would answer the next question
            with suppress(RedisError, OSError):
                await line.disconnect(nowait=True)
            raise

    async def close(self) -> None:
        """Disconnect."""
        with suppress(RedisError, OSError):
            await self._connection.disconnect()
