"""What many callers ask of Redis at one moment goes out together: one round trip on one connection."""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from redis.exceptions import NoScriptError

from jobforge.chassis.redis_line import Command


class Script:
    """A Lua script, called by its digest."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def command(self, keys: Sequence[str], arguments: Sequence[str | bytes | int]) -> Command:
        """The command that calls it."""
        return ("EVALSHA", self.sha, len(keys), *keys, *arguments)

    async def call_each(self, line: "Line", keys: Sequence[str], every: Sequence[Sequence[Any]]) -> list[Any]:
        """One answer for each list of arguments, in one round trip; raises the first ``RedisError``."""
        commands: list[Command] = [self.command(keys, arguments) for arguments in every]
        try:
            return await line.ask(commands)
        except NoScriptError:
            return (await line.ask([("SCRIPT", "LOAD", self.text), *commands]))[1:]


class Line(Protocol):
    """One connection, for one caller at a time; see ``RedisLine``."""

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """The reply to each command; raises ``RedisError`` or ``OSError``."""
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...


TELL_WITHIN = 0.02
"""Seconds in which what nobody waits for is sent: until then it goes with what somebody asks."""


class _Question(NamedTuple):
    commands: tuple[Command, ...]
    answer: "asyncio.Future[list[Any]] | None"


class Together:
    """Asks for many callers; a question that comes while others are under way goes with the next round trip."""

    def __init__(self, line: Line, *, scripts: Iterable[Script] = ()) -> None:
        self._line = line
        self._scripts = tuple(scripts)
        self._waiting: list[_Question] = []
        self._asking: asyncio.Task[None] | None = None
        self._telling: asyncio.TimerHandle | None = None

    async def ask(self, *commands: Command, within: float | None = None) -> list[Any]:
        """The reply to each command; raises ``RedisError`` or ``OSError`` while Redis is away.

        Raises ``TimeoutError`` when no reply came ``within`` so many seconds.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Any]] = loop.create_future()
        self._waiting.append(_Question(commands, answer))
        self._go()
        if within is None:
            return await answer
        timer = loop.call_later(within, _give_up, answer)
        try:
            return await answer
        finally:
            timer.cancel()

    def tell(self, *commands: Command) -> None:
        """Send, soon, commands whose replies nobody waits for; lost without a word while Redis is away."""
        self._waiting.append(_Question(commands, None))
        if self._asking is None and self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(TELL_WITHIN, self._go)

    async def close(self) -> None:
        """Send what waits, for at most a second, and disconnect."""
        self._go()
        if self._asking is not None:
            await asyncio.wait([self._asking], timeout=1)
        await self._line.close()

    def _go(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        if self._asking is None and self._waiting:
            self._asking = asyncio.create_task(self._ask_all())

    async def _ask_all(self) -> None:
        questions: list[_Question] = []
        try:
            while self._waiting:
                questions, self._waiting = self._waiting, []
                await self._round_trip(questions)
        finally:
            self._asking = None
            for question in (*questions, *self._waiting):  # only when this task died: nobody may wait for ever
                if question.answer is not None:
                    question.answer.cancel()
            self._waiting = []

    async def _round_trip(self, questions: list[_Question]) -> None:
        commands = [command for question in questions for command in question.commands]
        try:
            try:
                answers = await self._line.ask(commands)
            except NoScriptError:
                loading: list[Command] = [("SCRIPT", "LOAD", script.text) for script in self._scripts]
                answers = (await self._line.ask([*loading, *commands]))[len(loading) :]
        except Exception as error:  # whatever it is belongs to those who asked
            for question in questions:
                if question.answer is not None and not question.answer.done():
                    question.answer.set_exception(error)
            return
        replies = iter(answers)
        for question in questions:
            own = [next(replies) for _ in question.commands]
            if question.answer is not None and not question.answer.done():
                question.answer.set_result(own)


def _give_up(answer: "asyncio.Future[list[Any]]") -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())
