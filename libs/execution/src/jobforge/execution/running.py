"""An attempt under way: watched by the clock, told when to stop, and left behind if it does not listen."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Literal

import structlog

from jobforge.contracts.runs import RunSucceeded
from jobforge.execution.leases import Holding
from jobforge.execution.runner import Failed

log = structlog.get_logger()

PATIENCE = 5.0
"""Seconds that an attempt has to end after it was told to stop."""

Result = RunSucceeded | Failed
Stop = Literal["cancel", "lost", "time", "stop"]
"""Somebody asked for it; another claim holds the lease; its time is over; this worker ends."""
_left_behind: set["asyncio.Task[Result]"] = set()


class Running:
    """One attempt's task. What does not end when told to is left behind, and its result counts for nothing."""

    def __init__(self, holding: Holding, work: Coroutine[Any, Any, Result], *, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self.holding = holding
        self.stopped: Stop | None = None
        self._over: asyncio.Future[None] = loop.create_future()
        self._task = loop.create_task(work)
        self._task.add_done_callback(self._ended)
        self._timer = loop.call_later(seconds, self.stop, "time")

    def stop(self, why: Stop) -> None:
        """Cancel the attempt; the first reason counts."""
        if self.stopped is not None:
            return
        self.stopped = why
        self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(PATIENCE, self._leave)
        self._task.cancel()

    async def result(self) -> Result | None:
        """The attempt's outcome, or None when it was stopped before it had one. Being cancelled stops the attempt."""
        try:
            await self._over
        except asyncio.CancelledError:
            self.stop("stop")
            await asyncio.wait([self._task], timeout=1)
            raise
        finally:
            self._timer.cancel()
        if not self._task.done() or self._task.cancelled():
            return None
        return self._task.result()

    def _ended(self, task: "asyncio.Task[Result]") -> None:
        _left_behind.discard(task)
        if not self._over.done():
            self._over.set_result(None)
        elif not task.cancelled() and task.exception() is not None:
            log.warning("attempt.ended_late", run_id=str(self.holding.run_id), error=repr(task.exception()))

    def _leave(self) -> None:
        if not self._over.done():
            log.warning("attempt.left_behind", run_id=str(self.holding.run_id), why=self.stopped)
            _left_behind.add(self._task)
            self._over.set_result(None)
