"""CPU work in child processes: each can be killed alone, and none outlives its parent."""

import os
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import anyio
import anyio.to_process

from jobforge.execution.errors import ChildDied

R = TypeVar("R")

_PARENT_CHECK = 1.0


class Children:
    """The child processes of one service, at most ``limit`` at work; idle ones are kept warm for five minutes."""

    def __init__(self, limit: int | None = None) -> None:
        self._size = limit or os.cpu_count() or 1
        self._limiter: anyio.CapacityLimiter | None = None

    async def run(self, function: Callable[..., R], *args: Any) -> R:
        """Call a picklable function in a child; being cancelled kills that child. Raises ``ChildDied``."""
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._size)
        try:
            return await anyio.to_process.run_sync(
                _call, os.getpid(), function, args, cancellable=True, limiter=self._limiter
            )
        except anyio.BrokenWorkerProcess:
            raise ChildDied("the child process ended before it answered (killed, or out of memory)") from None


_watched = False


def _call(parent: int, function: Callable[..., R], args: tuple[Any, ...]) -> R:
    _die_with(parent)
    return function(*args)


def _die_with(parent: int) -> None:
    """A parent that was killed cannot tell its children: they look for it."""
    global _watched
    if _watched:
        return
    _watched = True

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_CHECK)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
