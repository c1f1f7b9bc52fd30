"""Questions of many callers that go out together: one round trip at a time, with all that came meanwhile."""

import asyncio
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

TELL_WITHIN = 0.02
"""Seconds in which what nobody waits for is sent: until then it goes with what somebody asks."""

Q = TypeVar("Q")


class RoundTrips(ABC, Generic[Q]):
    """Makes them one after the other, for as long as questions wait."""

    def __init__(self) -> None:
        self._waiting: list[Q] = []
        self._asking: asyncio.Task[None] | None = None
        self._telling: asyncio.TimerHandle | None = None

    @abstractmethod
    async def _round_trip(self, questions: list[Q]) -> None:
        """Answer these; those that are left in the list when this raises are unanswered."""

    @abstractmethod
    def _unanswered(self, question: Q) -> None:
        """The round trips broke: nobody may wait for ever."""

    def _put(self, question: Q, *, soon: bool) -> None:
        """Ask at once, or ``soon`` for what nobody waits for."""
        self._waiting.append(question)
        if not soon:
            self._go()
        elif self._asking is None and self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(TELL_WITHIN, self._go)

    def _go(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        if self._asking is None and self._waiting:
            self._asking = asyncio.create_task(self._ask_all())

    async def _finish(self, timeout: float | None = None) -> None:
        """Ask what waits, and wait for the answers, at most so many seconds."""
        self._go()
        if self._asking is not None:
            await asyncio.wait([self._asking], timeout=timeout)

    async def _ask_all(self) -> None:
        questions: list[Q] = []
        try:
            while self._waiting:
                questions, self._waiting = self._waiting, []
                await self._round_trip(questions)
                questions = []
        finally:
            self._asking = None
            unanswered = (*questions, *self._waiting)
            self._waiting = []
            for question in unanswered:
                self._unanswered(question)
