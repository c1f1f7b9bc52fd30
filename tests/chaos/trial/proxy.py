"""A TCP proxy that can be told to freeze, to cut and to dawdle: the network between services and Redis."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

CHUNK = 64 * 1024


class Proxy:
    """Listens on loopback and hands bytes on to ``port``; what goes wrong is switched while it runs."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._cut = False
        self._links: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self.delay = 0.0
        """Seconds that every piece waits, each way."""
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        self.mend()
        self._close_links()
        for pump in self._pumps:
            pump.cancel()

    def freeze(self) -> None:
        """Connections stay open, nothing arrives any more; what is sent meanwhile arrives after ``mend``."""
        self._flowing.clear()

    def cut(self) -> None:
        """Every connection breaks, and new ones break at once."""
        self._cut = True
        self._close_links()

    def mend(self) -> None:
        """All is well again."""
        self._cut = False
        self.delay = 0.0
        self._flowing.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far: asyncio.StreamWriter | None = None
        try:
            if self._cut:
                return
            far_reader, far = await asyncio.open_connection("127.0.0.1", self._target)
            self._links |= {writer, far}
            async with asyncio.TaskGroup() as pumps:
                for source, sink in ((reader, far), (far_reader, writer)):
                    task = pumps.create_task(self._pump(source, sink))
                    self._pumps.add(task)
                    task.add_done_callback(self._pumps.discard)
        except OSError:
            return  # the far side is away: the near side sees its connection end
        finally:
            for end in (writer, far):
                if end is not None:
                    self._links.discard(end)
                    end.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Hand on until one side ends, and then end the other."""
        with suppress(OSError):
            while piece := await source.read(CHUNK):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self._flowing.wait()
                sink.write(piece)
                await sink.drain()
        sink.close()

    def _close_links(self) -> None:
        for link in self._links:
            link.close()
