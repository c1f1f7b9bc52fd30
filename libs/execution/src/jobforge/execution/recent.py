"""The runs of one partition that this worker met in this epoch, so that a repeated request does no work twice."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

REMEMBERED = 10_000
"""Finished runs kept in memory, about 3 MB."""


class RecentRuns:
    """Saves work only: it forgets at every rebalance, and the log's first terminal record decides anyway."""

    def __init__(self) -> None:
        self._runs: OrderedDict[UUID, _Met] = OrderedDict()

    def meet(self, run_id: UUID, body_digest: str, attempt: int) -> Literal["new", "repeat", "conflict"]:
        """What a request for this attempt is here; the first one of a run names its body."""
        known = self._runs.get(run_id)
        if known is not None and known.body_digest != body_digest:
            return "conflict"
        if known is not None and known.attempt >= attempt:
            return "repeat"
        self._runs[run_id] = _Met(body_digest, attempt, asyncio.get_running_loop().create_future())
        return "new"

    @contextmanager
    def working(self, run_id: UUID) -> Iterator["Work"]:
        """While the attempt is worked on; left by an error, or put off, it was never met."""
        met = self._runs[run_id]
        work = Work()
        try:
            yield work
        except BaseException:
            work.put_off = True
            raise
        finally:
            if work.put_off and self._runs.get(run_id) is met:
                del self._runs[run_id]
            met.done.set_result(not work.put_off)
            self._trim()

    async def finished(self, run_id: UUID) -> bool:
        """Wait for the work on the run: True when its outcome is written, False when the repeat is as good as new."""
        return await asyncio.shield(self._runs[run_id].done)

    def _trim(self) -> None:
        while len(self._runs) > REMEMBERED and next(iter(self._runs.values())).done.done():
            self._runs.popitem(last=False)


@dataclass(slots=True)
class Work:
    """What became of an attempt: ``put_off`` when another try of the same attempt will come."""

    put_off: bool = False


@dataclass(frozen=True, slots=True)
class _Met:
    body_digest: str
    attempt: int
    done: "asyncio.Future[bool]"
