"""Brings records that are due back to their jobs topic, as they are and in order; nothing is dropped."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import takewhile
from time import monotonic
from typing import Protocol

from jobforge.chassis.logs import get_logger
from jobforge.chassis.metrics import RETRIES_LATE_SECONDS, RETRIES_MOVED, child
from jobforge.chassis.wire import Clock, NotWritten, OutcomeUnknown, Position, Publisher, Record, TooLargeToWrite
from jobforge.scheduler.lanes import Lane, Waiting
from jobforge.scheduler.waits import after_waiting

CHUNK = 64
"""Records of a partition that are published together."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds between two tries to publish."""

log = get_logger()


class Refusal(Protocol):
    """What becomes of a record that has no way back."""

    async def __call__(self, record: Record, detail: str) -> None:
        """Set the record aside, acknowledged; raises ``NotWritten`` or ``OutcomeUnknown``."""
        ...


class Mover:
    """Publishes what is due; ``timeout`` is in seconds, for each acknowledgement."""

    def __init__(
        self,
        publisher: Publisher,
        refuse: Refusal,
        topics: Callable[[], Awaitable[Iterable[str]]],
        *,
        timeout: float,
        clock: Clock = monotonic,
    ) -> None:
        self._publisher = publisher
        self._refuse = refuse
        self._topics = topics
        self._timeout = timeout
        self._clock = clock

    async def move(self, lane: Lane) -> None:
        """Move all that is due. What is not acknowledged stays the head of its lane and is tried again."""
        pause = SHORTEST_PAUSE
        while not lane.closing and (due := lane.due(self._clock(), CHUNK)):
            moved, problem = await self._carry(due)
            self._count(lane, due[:moved])
            lane.let_go(moved)
            if problem is None:
                pause = SHORTEST_PAUSE
                continue
            log.warning("retry.not_moved", topic=lane.partition.topic, after=pause, error=repr(problem))
            if moved == 0 and (isinstance(problem, TooLargeToWrite) or await self._is_gone(due[0].back_to)):
                due[0].back_to = None  # it would hold everything behind it for ever
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _carry(self, due: Sequence[Waiting]) -> tuple[int, Exception | None]:
        """How many of these, from the first on, were acknowledged, and what kept the next one from it."""
        if due[0].back_to is not None:
            return await self._bring_back([(waiting.back_to or "", waiting.record) for waiting in due])
        try:
            why = (
                "its headers name no jobs topic of this plane to go back to, "
                "or no topic takes it: it is too large, or has neither key nor value"
            )
            await self._refuse(due[0].record, why)
        except (NotWritten, OutcomeUnknown) as error:
            return 0, error
        return 1, None

    async def _bring_back(self, due: Sequence[tuple[str, Record]]) -> tuple[int, Exception | None]:
        sent: list[Awaitable[Position]] = []
        problem: Exception | None = None
        try:
            async with asyncio.timeout(self._timeout):
                for topic, record in due:
                    headers = after_waiting(record.headers)
                    sent.append(
                        await self._publisher.send(
                            topic, key=record.key, value=record.value, headers=headers, partition=record.partition
                        )
                    )
        except (NotWritten, TimeoutError) as error:
            problem = error
        answers = await asyncio.gather(*(self._acknowledged(each) for each in sent))
        moved = sum(1 for _ in takewhile(lambda answer: answer is None, answers))
        return moved, next((answer for answer in answers if answer is not None), problem)

    async def _acknowledged(self, sent: Awaitable[Position]) -> Exception | None:
        try:
            async with asyncio.timeout(self._timeout):
                await sent
        except (NotWritten, OutcomeUnknown, TimeoutError) as error:
            return error
        return None

    async def _is_gone(self, topic: str | None) -> bool:
        """Whether the log says that this topic does not exist; no answer is no."""
        if topic is None:
            return False
        try:
            return topic not in await self._topics()
        except OSError as error:  # a time-out is one too
            log.info("topics.unknown", error=repr(error))
            return False

    def _count(self, lane: Lane, moved: Sequence[Waiting]) -> None:
        time = self._clock()
        for waiting in moved:
            child(RETRIES_LATE_SECONDS, lane.partition.topic).observe(max(0.0, time - waiting.due))
        child(RETRIES_MOVED, lane.partition.topic).inc(len(moved))
