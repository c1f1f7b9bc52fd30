"""The runs of one partition that this worker met in this epoch, so that a repeated request does no work twice."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal
from uuid import UUID

REMEMBERED = 10_000
"""Finished runs kept in memory, about 3 MB."""


class RecentRuns:
    """Saves work only: it forgets at every rebalance, and the log's first terminal record decides anyway."""

    def __init__(self) -> None:
        self._runs: OrderedDict[UUID, tuple[str, asyncio.Future[bool]]] = OrderedDict()

    def meet(self, run_id: UUID, body_digest: str) -> Literal["new", "repeat", "conflict"]:
        """What a request for this run is here; the first one names the body."""
        known = self._runs.get(run_id)
        if known is None:
            self._runs[run_id] = (body_digest, asyncio.get_running_loop().create_future())
            return "new"
        return "repeat" if known[0] == body_digest else "conflict"

    @contextmanager
    def working(self, run_id: UUID) -> Iterator[None]:
        """While the run is worked on; left by an error, the run was never met."""
        try:
            yield
        except BaseException:
            self._runs.pop(run_id)[1].set_result(False)
            raise
        self._runs[run_id][1].set_result(True)
        while len(self._runs) > REMEMBERED and next(iter(self._runs.values()))[1].done():
            self._runs.popitem(last=False)

    async def finished(self, run_id: UUID) -> bool:
        """Wait for the work on the run: True when its outcome is written, False when the repeat is as good as new."""
        return await asyncio.shield(self._runs[run_id][1])
