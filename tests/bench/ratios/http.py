"""A keep-alive HTTP connection that costs next to nothing, so that the doors are measured and not the client."""

import asyncio
from typing import NamedTuple
from urllib.parse import urlsplit

_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"


class Answer(NamedTuple):
    """Status and body of a response."""

    status: int
    body: bytes


class Connection:
    """One connection to one door; requests follow each other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader = reader
        self._writer = writer
        self._host = host.encode()

    @classmethod
    async def open(cls, url: str) -> "Connection":
        """Connect to ``http://host:port``."""
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        return cls(reader, writer, address.netloc)

    async def post(self, path: str, body: bytes) -> Answer:
        """POST a JSON body."""
        head = b"POST %s HTTP/1.1\r\nhost: %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self._writer.write(head % (path.encode(), self._host, len(body)) + body)
        return await self._answer()

    async def get(self, path: str) -> Answer:
        """GET a path with its query."""
        self._writer.write(b"GET %s HTTP/1.1\r\nhost: %s\r\n\r\n" % (path.encode(), self._host))
        return await self._answer()

    async def close(self) -> None:
        """Close the connection."""
        self._writer.close()
        await self._writer.wait_closed()

    async def _answer(self) -> Answer:
        head = await self._reader.readuntil(_END)
        _, found, rest = head.lower().partition(_LENGTH)
        if not found:
            raise ConnectionError(f"an answer without a length: {head!r}")
        length = int(rest.partition(b"\r\n")[0])
        return Answer(int(head[9:12]), await self._reader.readexactly(length))
