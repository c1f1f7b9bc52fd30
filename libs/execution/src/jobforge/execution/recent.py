"""The runs of one partition that this worker met in this epoch, so that a repeated request does no work twice."""

import asyncio
from collections import OrderedDict
from typing import Literal, NamedTuple, Self
from uuid import UUID

REMEMBERED = 10_000
"""Finished runs kept in memory, about 3 MB."""


class RecentRuns:
    """Saves work only: it forgets at every rebalance, and the log's first terminal record decides anyway."""

    def __init__(self) -> None:
        self._runs: OrderedDict[UUID, Met] = OrderedDict()

    def meet(self, run_id: UUID, body_digest: str, attempt: int) -> Literal["new", "repeat", "conflict"]:
        """What a request for this attempt is here; the first one of a run names its body."""
        known = self._runs.get(run_id)
        if known is not None and known.body_digest != body_digest:
            return "conflict"
        if known is not None and known.attempt >= attempt:
            return "repeat"
        self._runs[run_id] = Met(body_digest, attempt, asyncio.get_running_loop().create_future())
        return "new"

    def working(self, run_id: UUID) -> "Work":
        """While the attempt is worked on; left by an error, or put off, it was never met."""
        return Work(self, run_id, self._runs[run_id])

    async def finished(self, run_id: UUID) -> bool:
        """Wait for the work on the run: True when its outcome is written, False when the repeat is as good as new."""
        return await asyncio.shield(self._runs[run_id].done)

    def settle(self, run_id: UUID, met: "Met", *, put_off: bool) -> None:
        """The work that ``met`` began is over."""
        if put_off and self._runs.get(run_id) is met:
            del self._runs[run_id]
        met.done.set_result(not put_off)
        while len(self._runs) > REMEMBERED and next(iter(self._runs.values())).done.done():
            self._runs.popitem(last=False)


class Work:
    """What becomes of an attempt: ``put_off`` when another try of the same attempt will come."""

    __slots__ = ("_met", "_recent", "_run_id", "put_off")

    def __init__(self, recent: RecentRuns, run_id: UUID, met: "Met") -> None:
        self._recent = recent
        self._run_id = run_id
        self._met = met
        self.put_off = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, raised: object, *_: object) -> None:
        self._recent.settle(self._run_id, self._met, put_off=self.put_off or raised is not None)


class Met(NamedTuple):
    """An attempt that was met; ``done`` says whether its outcome is written."""

    body_digest: str
    attempt: int
    done: "asyncio.Future[bool]"
