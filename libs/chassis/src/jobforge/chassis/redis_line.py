"""One connection to Redis for one caller at a time: a fraction of the price of a pooled pipeline on the hot path.

redis-py connects, with all that an address can ask for: TLS, a socket file, credentials, a database. From then on a
protocol of our own reads the replies and wakes the caller once, when the last one is there.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Self

import hiredis
from redis.asyncio import ConnectionPool, Redis
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import InvalidResponse, RedisError
from redis.exceptions import TimeoutError as AnswerTimeout

CONNECT_TIMEOUT = 1.0

Command = tuple[str | bytes | int, ...]

_MORE = object()
_pack: Any = hiredis.pack_command  # its type hint takes commands of one word only


class RedisLine:
    """Sends commands together and reads their replies; after any failure it starts with a new connection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._replies: _Replies | None = None

    @classmethod
    def to(cls, url: str) -> Self:
        """A line with redis-py's own time-out on answers: the caller has a budget for the whole question."""
        pool: Any = ConnectionPool.from_url(url, socket_connect_timeout=CONNECT_TIMEOUT)
        return cls(pool.make_connection())

    @classmethod
    def beside(cls, redis: Redis) -> Self:
        """A line with the address and the time-outs of a client, outside its pool."""
        pool: Any = redis.connection_pool
        return cls(pool.make_connection())

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """The reply to each command, in bytes; raises ``RedisError`` or ``OSError``."""
        if not commands:
            return []
        try:
            replies = self._replies or await self._connect()
            return await replies.to(self._packed(commands), len(commands))
        except BaseException:  # also when given up: a reply still to come would answer the next question
            self._replies = None
            with suppress(RedisError, OSError):
                await self._connection.disconnect(nowait=True)
            raise

    async def close(self) -> None:
        """Disconnect."""
        self._replies = None
        with suppress(RedisError, OSError):
            await self._connection.disconnect()

    async def _connect(self) -> "_Replies":
        line = self._connection
        await line.connect()
        self._replies = _Replies(
            line._writer.transport,
            timeout=line.socket_timeout,
            to_error=line._parser.parse_error,
            server=line._host_error(),
        )
        return self._replies

    def _packed(self, commands: Sequence[Command]) -> bytes:
        try:
            return b"".join(map(_pack, commands))
        except TypeError:  # hiredis knows the plain types; redis-py also their subclasses, and refuses by name
            return b"".join(self._connection.pack_commands(commands))


class _Replies(asyncio.Protocol):
    """Reads what the server says on a transport that is connected already."""

    def __init__(
        self, transport: Any, *, timeout: float | None, to_error: Callable[[str], Exception], server: str
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(protocolError=InvalidResponse, replyError=to_error, notEnoughData=_MORE)
        self._timeout, self._server = timeout, server
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._answer: asyncio.Future[list[Any]] | None = None
        self._replies: list[Any] = []
        self._wanted = 0
        self._transport, self._before = transport, transport.get_protocol()
        transport.set_protocol(self)

    def to(self, packed: bytes, wanted: int) -> "asyncio.Future[list[Any]]":
        """Send packed commands; the replies, or the first that is an error, as an exception."""
        if self._answer is not None:
            raise RuntimeError("another question is under way on this connection")
        if self._transport.is_closing():
            raise ConnectionLost("Connection closed by server.")
        answer: asyncio.Future[list[Any]] = self._loop.create_future()
        self._answer, self._replies, self._wanted = answer, [], wanted
        self._transport.write(packed)
        self._wait()
        return answer

    def data_received(self, data: bytes) -> None:
        """Take the replies that are complete now."""
        replies, gets = self._replies, self._reader.gets
        before = len(replies)
        try:
            self._reader.feed(data)
            while (reply := gets()) is not _MORE:
                if isinstance(reply, (list, RedisError)):
                    if isinstance(reply, hiredis.PushNotification):
                        continue  # news of the server's own, to nothing that was asked
                    _raise_failure(reply)
                replies.append(reply)
            if len(replies) > self._wanted:
                raise InvalidResponse("a reply to nothing that was asked")
        except RedisError as error:
            self._fail(error)
            return
        if self._answer is None:
            return
        if len(replies) == self._wanted:
            self._done()
        elif len(replies) > before:
            self._wait()

    def resume_writing(self) -> None:
        """The server has taken what was sent: from now on it may take its time to answer."""
        if self._answer is not None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """There will be no answer; redis-py's streams are told too, since closing waits for them."""
        why = f"Error while reading from {self._server} : {exc.args}" if exc else "Connection closed by server."
        self._fail(ConnectionLost(why))
        self._before.connection_lost(exc)

    def _wait(self) -> None:
        """Give the next reply all the time that it may take; one timer serves many questions."""
        if self._timeout is not None:
            self._until = self._loop.time() + self._timeout
            if self._timer is None:
                self._timer = self._loop.call_at(self._until, self._late)

    def _late(self) -> None:
        self._timer = None
        if self._answer is not None:
            if self._loop.time() < self._until:
                self._timer = self._loop.call_at(self._until, self._late)
            else:
                self._fail(AnswerTimeout(f"Timeout reading from {self._server}"))

    def _done(self) -> None:
        answer, self._answer, self._wanted = self._answer, None, 0
        replies, self._replies = self._replies, []
        if answer is not None and not answer.done():
            answer.set_result(replies)

    def _fail(self, error: Exception) -> None:
        answer, self._answer, self._wanted = self._answer, None, 0
        if answer is not None and not answer.done():
            answer.set_exception(error)
        self._transport.close()


def _raise_failure(reply: Any) -> None:
    """Raise an error reply; one inside a list is part of the answer, unless it comes first and ends the connection."""
    if isinstance(reply, RedisError):
        raise reply
    if reply and isinstance(reply[0], ConnectionLost):
        raise reply[0]
