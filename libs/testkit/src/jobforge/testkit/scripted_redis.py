"""A server that speaks as much of Redis as a connection needs, and then answers as a test says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from ssl import SSLContext

import hiredis

from jobforge.native.ports import LOOPBACK

Words = list[bytes]
Answer = Callable[[asyncio.StreamWriter, Words], Awaitable[None]]


class ScriptedRedis:
    """Greets as Redis does and answers as told; it keeps what each connection asked."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._tasks: set[asyncio.Task[None] | None] = set()
        self.port = 0
        self.asked: list[list[Words]] = []
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self._tasks.add(asyncio.current_task())
        asked: list[Words] = []
        self.asked.append(asked)
        self.writers.append(writer)
        parser = hiredis.Reader()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(65536):
                parser.feed(data)
                while words := parser.gets():
                    asked.append(words)
                    await self._reply(writer, words)
        writer.transport.abort()

    async def end(self) -> None:
        """End every connection, whatever it is doing."""
        for task in self._tasks:
            if task is not None:
                task.cancel()
        await asyncio.gather(*(task for task in self._tasks if task is not None))
        await asyncio.sleep(0.01)  # the transports' own last steps

    async def _reply(self, writer: asyncio.StreamWriter, words: Words) -> None:
        if words[0] == b"HELLO":
            writer.write(b"%1\r\n+proto\r\n:3\r\n")
        elif words[0] in (b"CLIENT", b"SELECT"):
            writer.write(b"+OK\r\n")
        elif words == [b"PING"]:
            writer.write(b"+PONG\r\n")
        else:
            await self._answer(writer, words)


@contextlib.asynccontextmanager
async def scripted_redis(
    answer: Answer, *, at: str | None = None, tls: SSLContext | None = None
) -> AsyncIterator[ScriptedRedis]:
    """One on a port of its own, or at a socket file."""
    script = ScriptedRedis(answer)
    if at is not None:
        server = await asyncio.start_unix_server(script.serve, at)
    else:
        server = await asyncio.start_server(script.serve, LOOPBACK, 0, ssl=tls)
        script.port = server.sockets[0].getsockname()[1]
    try:
        yield script
    finally:
        server.close()
        await script.end()


def saying(*packets: bytes, pause: float = 0) -> Answer:
    """Each packet by itself, as the answer to any command."""

    async def answer(writer: asyncio.StreamWriter, words: Words) -> None:
        for packet in packets:
            writer.write(packet)
            await writer.drain()
            await asyncio.sleep(pause)

    return answer


def by_name(replies: dict[bytes, bytes]) -> Answer:
    """The reply to the second word of a command; to a word without one, nothing."""

    async def answer(writer: asyncio.StreamWriter, words: Words) -> None:
        writer.write(replies.get(words[1], b""))

    return answer
