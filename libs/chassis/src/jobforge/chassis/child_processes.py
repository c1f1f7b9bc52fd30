"""Child processes of an event loop, started as the standard library starts them: no Python runs in one before its own.

uvloop forks the whole interpreter, and the child, on its way to becoming another program, waits for a lock of CPython
that a thread of the parent may have held at that moment: for ever. The parent's loop waits for the child, and the child
outlives the parent with every socket it had, so that the service cannot be started again.
(uvloop 749 tells of the hooks that run in the child; the lock is the one of the list of CPython's thread states.)
"""

import asyncio
import subprocess
import threading
from asyncio.unix_events import _UnixSubprocessTransport  # type: ignore[attr-defined]  # typeshed leaves it out
from collections.abc import Callable
from contextlib import suppress
from subprocess import PIPE
from typing import Any


def start_as_the_standard_library(loop: asyncio.AbstractEventLoop) -> None:
    """Let everything that starts programs on this loop (asyncio's and anyio's functions) do it this way."""

    async def subprocess_exec(
        protocol_factory: Callable[[], Any],
        *command: Any,
        stdin: Any = PIPE,
        stdout: Any = PIPE,
        stderr: Any = PIPE,
        bufsize: int = 0,
        **more: Any,
    ) -> tuple[asyncio.SubprocessTransport, Any]:
        protocol = protocol_factory()
        connected: asyncio.Future[None] = loop.create_future()
        child = _Child(loop, protocol, command, False, stdin, stdout, stderr, bufsize, connected, **more)
        try:
            await connected
        except BaseException:
            child.close()  # which kills it
            raise
        return child, protocol

    loop.subprocess_exec = subprocess_exec  # type: ignore[method-assign]  # the one hook there is


class _Child(_UnixSubprocessTransport):  # type: ignore[misc]  # of a class without types
    """A started program; a thread waits for its end, where asyncio's own loop has a watcher."""

    def _start(self, **how: Any) -> None:
        super()._start(**how)
        threading.Thread(target=self._wait_for, args=(self._proc,), name="child-wait", daemon=True).start()

    def _wait_for(self, child: "subprocess.Popen[bytes]") -> None:
        code = child.wait()
        with suppress(RuntimeError):  # the loop was closed before
            self._loop.call_soon_threadsafe(self._process_exited, code)
