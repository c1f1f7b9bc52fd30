"""Who waits for one run, and what wakes them."""

import asyncio
from typing import Self

from jobforge.chassis.futures import wake
from jobforge.manifest.batches import State
from jobforge.manifest.states import Request, RunState


class Watch:
    """Woken whenever a row may have changed, inside a ``with``; for one waiter at a time."""

    __slots__ = ("_foreign", "_late", "_moved", "_over", "_row", "_timer", "_waiter", "_watches")

    def __init__(self, watches: "dict[str, set[Watch]]", row: str) -> None:
        self._watches = watches
        self._row = row
        self._foreign: bool | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._over = 0.0
        """When the present wait is over."""
        self._late: float | None = None
        self._moved = False

    def __enter__(self) -> Self:
        self._watches.setdefault(self._row, set()).add(self)
        return self

    def __exit__(self, *error: object) -> None:
        watches = self._watches[self._row]
        watches.discard(self)
        if not watches:
            del self._watches[self._row]

    def wake(self, *, foreign: bool) -> None:
        """The row may have changed; ``foreign``: it has to be read, since others changed it."""
        self._foreign = foreign or bool(self._foreign)
        if self._waiter is not None:
            wake(self._waiter)

    def moved(self, state: State) -> None:
        """This process has applied this to the row."""
        if self._waiter is None or self._late is None or (isinstance(state, RunState) and state.end is not None):
            self.wake(foreign=False)
            return
        self._foreign = bool(self._foreign)
        if self._moved:
            return
        if isinstance(state, RunState) and state.offset >= 0:
            self._moved = True
            self._wake_at(min(self._over, self._waiter.get_loop().time() + self._late))
        elif isinstance(state, Request):
            self._wake_at(self._over)

    async def changed(self, within: float, *, patience: float | None = None, late: float | None = None) -> bool | None:
        """Whether the next change was foreign, or None for none within so many seconds.

        With ``late`` what this process applies is told so many seconds later, but for an end, and a request when the
        time is over. With ``patience`` the time is over so soon unless the request comes.
        """
        if self._foreign is None:
            loop = asyncio.get_running_loop()
            now = loop.time()
            self._over, self._late, self._moved = now + within, late, False
            self._waiter = loop.create_future()
            try:
                self._wake_at(self._over if patience is None else now + min(patience, within))
                await self._waiter
            finally:
                self._wake_at(None)
                self._waiter = None
        foreign, self._foreign = self._foreign, None
        return foreign

    def _wake_at(self, when: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if when is not None and self._waiter is not None:
            self._timer = self._waiter.get_loop().call_at(when, wake, self._waiter)
