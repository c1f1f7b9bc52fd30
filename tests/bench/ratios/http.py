"""A keep-alive HTTP connection that costs next to nothing, so that the doors are measured and not the client."""

import asyncio
from typing import NamedTuple, cast
from urllib.parse import urlsplit

_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"


class Answer(NamedTuple):
    """Status and body of a response."""

    status: int
    body: bytes


class Connection(asyncio.Protocol):
    """One connection to one door; requests follow each other."""

    def __init__(self, host: str) -> None:
        self._host = host.encode()
        self._received = b""
        self._answer: asyncio.Future[Answer] | None = None
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, url: str) -> "Connection":
        """Connect to ``http://host:port``."""
        address = urlsplit(url)
        made = cls(address.netloc)
        await asyncio.get_running_loop().create_connection(lambda: made, address.hostname or "", address.port or 80)
        return made

    async def post(self, path: str, body: bytes) -> Answer:
        """POST a JSON body."""
        head = b"POST %s HTTP/1.1\r\nhost: %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        return await self._ask(head % (path.encode(), self._host, len(body)) + body)

    async def get(self, path: str) -> Answer:
        """GET a path with its query."""
        return await self._ask(b"GET %s HTTP/1.1\r\nhost: %s\r\n\r\n" % (path.encode(), self._host))

    async def close(self) -> None:
        """Close the connection."""
        self._transport.close()
        await self._closed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio.Protocol``."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Take the answer once all of it is here."""
        self._received += data
        head, found, body = self._received.partition(_END)
        if not found or self._answer is None or self._answer.done():
            return
        _, told, rest = head.lower().partition(_LENGTH)
        if not told:
            self._answer.set_exception(ConnectionError(f"an answer without a length: {head!r}"))
        elif len(body) == int(rest.partition(b"\r\n")[0]):
            self._received = b""
            self._answer.set_result(Answer(int(head[9:12]), body))

    def connection_lost(self, error: Exception | None) -> None:
        """Nobody waits for an answer that cannot come."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the door closed the connection"))
        self._closed.set_result(None)

    def _ask(self, request: bytes) -> "asyncio.Future[Answer]":
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer
