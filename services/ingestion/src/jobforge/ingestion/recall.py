"""What Redis remembers for a while: the body a run's key came with, and the traces that have a root."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from redis.exceptions import RedisError

from jobforge.chassis.logs import get_logger
from jobforge.chassis.redis_line import Command
from jobforge.chassis.round_trips import RoundTrips
from jobforge.chassis.spans import root_context

BODIES_KEPT = timedelta(days=7)
ROOTS_KEPT = timedelta(hours=24)
BUDGET = timedelta(milliseconds=50)
"""How long an answer may take; then the request goes on without it."""
REST = timedelta(seconds=1)
"""How long Redis is not asked after a failure."""
_BODY_SECONDS = int(BODIES_KEPT.total_seconds())
_ROOT_SECONDS = int(ROOTS_KEPT.total_seconds())
_TRACES = 20_000
"""Traces known to have a root, in this process."""

log = get_logger()


class Recalled(NamedTuple):
    """``other`` are runs whose key came with another body before; ``new`` are traces without a root so far."""

    other: frozenset[UUID]
    new: frozenset[str]


class _Question(NamedTuple):
    bodies: Mapping[UUID, str]
    traces: Collection[str]
    answered: Callable[[Recalled], None]


class Line(Protocol):
    """A way to Redis, for one question at a time."""

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """The reply to each command; raises ``RedisError`` or ``OSError``."""
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...


class Recall(RoundTrips[_Question]):
    """Asks Redis for many requests at once, and never longer than ``BUDGET``.

    Redis is a memory, not the truth: while it is away nothing conflicts and every trace is new.
    """

    def __init__(self, line: Line, *, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._line = line
        self._clock = clock
        self._rest_until = 0.0
        self._rooted: OrderedDict[str, None] = OrderedDict()

    async def ask(self, *, bodies: Mapping[UUID, str], traces: Collection[str]) -> Recalled:
        """Remember these bodies and traces, and say what was there before. Never raises for Redis."""
        answer: asyncio.Future[Recalled] = asyncio.get_running_loop().create_future()
        self._question(bodies, traces, partial(_answer, answer), soon=False)
        return await answer

    def tell(self, traces: Collection[str], new: Callable[[Recalled], None]) -> None:
        """Remember these traces, soon; ``new`` is told later which of them were not known."""
        self._question({}, traces, new, soon=True)

    async def close(self) -> None:
        """Ask what waits, which its budget ends, and disconnect."""
        await self._finish()
        await self._line.close()

    def _question(
        self,
        bodies: Mapping[UUID, str],
        traces: Collection[str],
        answered: Callable[[Recalled], None],
        *,
        soon: bool,
    ) -> None:
        unknown = [trace for trace in dict.fromkeys(traces) if trace not in self._rooted]
        if not bodies and not unknown:
            answered(Recalled(frozenset(), frozenset()))
        elif self._clock() < self._rest_until:
            answered(self._without_redis(unknown))
        else:
            self._root(unknown)  # concurrent requests of one trace must not all find it new
            self._put(_Question(bodies, unknown, answered), soon=soon)

    def _without_redis(self, unknown: Collection[str]) -> Recalled:
        self._root(unknown)
        return Recalled(frozenset(), frozenset(unknown))

    def _root(self, traces: Collection[str]) -> None:
        for trace in traces:
            self._rooted[trace] = None
        while len(self._rooted) > _TRACES:
            self._rooted.popitem(last=False)

    def _unanswered(self, question: _Question) -> None:
        question.answered(Recalled(frozenset(), frozenset(question.traces)))

    async def _round_trip(self, questions: list[_Question]) -> None:
        answers = await self._answers(questions)
        asked = tuple(questions)
        questions.clear()  # each is answered once, whatever an answer leads to
        for question, answer in zip(asked, answers, strict=True):
            question.answered(answer)

    async def _answers(self, questions: list[_Question]) -> list[Recalled]:
        commands: list[Command] = []
        for question in questions:
            commands += [
                ("SET", f"jobforge:ingestion:body:{run_id}", digest, "NX", "GET", "EX", _BODY_SECONDS)
                for run_id, digest in question.bodies.items()
            ]
            commands += [
                ("SET", f"jobforge:ingestion:root:{root_context(trace).trace_id:032x}", "1", "NX", "EX", _ROOT_SECONDS)
                for trace in question.traces
            ]
        try:
            async with asyncio.timeout(BUDGET.total_seconds()):
                replies = iter(await self._line.ask(commands))
        except (RedisError, OSError, TimeoutError) as error:
            self._rest_until = self._clock() + REST.total_seconds()
            log.warning("redis.unreachable", error=type(error).__name__)
            return [Recalled(frozenset(), frozenset(question.traces)) for question in questions]
        return [self._read(question, replies) for question in questions]

    def _read(self, question: _Question, replies: Iterator[Any]) -> Recalled:
        before = [(run_id, digest, next(replies)) for run_id, digest in question.bodies.items()]
        other = [run_id for run_id, digest, found in before if found and found.decode() != digest]
        new = [trace for trace in question.traces if next(replies)]
        return Recalled(frozenset(other), frozenset(new))


def _answer(answer: "asyncio.Future[Recalled]", recalled: Recalled) -> None:
    if not answer.done():
        answer.set_result(recalled)
