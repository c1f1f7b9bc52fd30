"""What many callers ask of Redis at one moment goes out together: one round trip on one connection."""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from redis.exceptions import NoScriptError

from jobforge.chassis.futures import give_up
from jobforge.chassis.redis_line import Command
from jobforge.chassis.round_trips import RoundTrips


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


class _Question(NamedTuple):
    commands: tuple[Command, ...]
    answer: "asyncio.Future[list[Any]] | None"


class Together(RoundTrips[_Question]):
    """Asks for many callers; a question that comes while others are under way goes with the next round trip."""

    def __init__(self, line: Line, *, scripts: Iterable[Script] = ()) -> None:
        super().__init__()
        self._line = line
        self._scripts = tuple(scripts)

    async def ask(self, *commands: Command, within: float | None = None) -> list[Any]:
        """The reply to each command; raises ``RedisError`` or ``OSError`` while Redis is away.

        Raises ``TimeoutError`` when no reply came ``within`` so many seconds.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Any]] = loop.create_future()
        self._put(_Question(commands, answer), soon=False)
        if within is None:
            return await answer
        timer = loop.call_later(within, give_up, answer)
        try:
            return await answer
        finally:
            timer.cancel()

    def tell(self, *commands: Command) -> None:
        """Send, soon, commands whose replies nobody waits for; lost without a word while Redis is away."""
        self._put(_Question(commands, None), soon=True)

    async def close(self) -> None:
        """Send what waits, for at most a second, and disconnect."""
        await self._finish(timeout=1)
        await self._line.close()

    def _unanswered(self, question: _Question) -> None:
        if question.answer is not None:
            question.answer.cancel()

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
