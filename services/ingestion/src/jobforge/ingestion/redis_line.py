"""One connection to Redis for one caller at a time: a third of the price of a pooled pipeline on the hot path."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

CONNECT_TIMEOUT = 1.0

Command = tuple[str | bytes | int, ...]


class RedisLine:
    """Sends commands together and reads their replies; after any failure it starts with a new connection."""

    def __init__(self, url: str) -> None:
        # No time-out on answers here: the caller has a budget for the whole question.
        pool: Any = ConnectionPool.from_url(
            url, socket_connect_timeout=CONNECT_TIMEOUT, socket_keepalive=True, decode_responses=False
        )
        self._connection = pool.make_connection()

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
