"""CPU work in child processes: each can be killed alone, and none outlives its parent."""

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

import anyio
import anyio.to_process
from anyio.abc import Process
from anyio.to_process import _process_pool_idle_workers, _process_pool_workers

from jobforge.execution.errors import ChildDied

R = TypeVar("R")

KEPT_WARM = 30.0
"""Seconds that an idle child is kept: long enough for the next job of a burst, short enough to give memory back."""
NICENESS = 10
"""What children add to their niceness: on a busy machine the parent's event loop, which keeps leases and heartbeats,
is given a processor before them. Measured on two cores full of children: late by up to 290 ms without it."""
_PARENT_CHECK = 1.0


class Children:
    """The child processes of one service, at most ``limit`` at work; idle ones are kept warm for a while."""

    def __init__(self, limit: int | None = None, *, kept_warm: float = KEPT_WARM) -> None:
        self._size = limit or os.cpu_count() or 1
        self._kept_warm = kept_warm
        self._limiter: anyio.CapacityLimiter | None = None
        self._reaping: asyncio.Task[None] | None = None

    async def run(self, function: Callable[..., R], *args: Any) -> R:
        """Call a picklable function in a child; being cancelled kills that child. Raises ``ChildDied``.

        A function that asks to end its process, as ``sys.exit`` does, is as good as one that ended it.
        """
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._size)
        try:
            return await anyio.to_process.run_sync(
                _call, os.getpid(), function, args, cancellable=True, limiter=self._limiter
            )
        except anyio.BrokenWorkerProcess:
            raise ChildDied("the child process ended before it answered (killed, or out of memory)") from None
        finally:
            if self._reaping is None or self._reaping.done():
                self._reaping = asyncio.create_task(self._reap())

    async def _reap(self) -> None:
        """End children that were idle for long: anyio itself looks at them only when the next call comes."""
        idle: deque[tuple[Process, float]] = _process_pool_idle_workers.get(deque())
        while idle:
            process, since = idle[0]
            if (left := since + self._kept_warm - anyio.current_time()) > 0:
                await asyncio.sleep(left)
                continue
            idle.popleft()
            _process_pool_workers.get().discard(process)
            process.kill()
            await process.aclose()


_begun = False


def _call(parent: int, function: Callable[..., R], args: tuple[Any, ...]) -> R:
    _begin(parent)
    try:
        return function(*args)
    except (SystemExit, KeyboardInterrupt) as ending:  # raised again in the parent, they would end that
        raise ChildDied(f"the function asked to end its process: {type(ending).__name__}: {ending}") from None


def _begin(parent: int) -> None:
    """Once a child: step back behind the parent, and end with it. One that was killed cannot tell its children."""
    global _begun
    if _begun:
        return
    _begun = True
    os.nice(NICENESS)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_CHECK)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
