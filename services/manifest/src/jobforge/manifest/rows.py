"""Rows read together: what many callers want at one moment is one round trip on one connection."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from jobforge.chassis.redis_line import Command, RedisLine
from jobforge.manifest import keys, scripts
from jobforge.manifest.store import Script


class Held(NamedTuple):
    """The watermarks and the fields of a row, in the order asked for, as they were at one moment; None: not there."""

    watermarks: list[bytes | None]
    fields: list[bytes | None]


class _Question(NamedTuple):
    command: Command
    answer: "asyncio.Future[Held]"


class Rows:
    """Reads single rows; a question that comes while others are under way goes with the next round trip."""

    def __init__(self, redis: Redis) -> None:
        self._line = RedisLine.beside(redis)
        self._script = Script(scripts.READ)
        self._waiting: list[_Question] = []
        self._asking: asyncio.Task[None] | None = None

    async def read(self, row: str, *, watermarks: Sequence[str], fields: Sequence[str]) -> Held:
        """The row at one moment; raises ``RedisError`` or ``OSError`` while Redis is away."""
        arguments: Command = (len(watermarks), *watermarks, *fields)
        command: Command = ("EVALSHA", self._script.sha, 2, keys.WATERMARKS, row, *arguments)
        question = _Question(command, asyncio.get_running_loop().create_future())
        self._waiting.append(question)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_all())
        return await question.answer

    async def close(self) -> None:
        """Disconnect."""
        await self._line.close()

    async def _ask_all(self) -> None:
        questions: list[_Question] = []
        try:
            while self._waiting:
                questions, self._waiting = self._waiting, []
                await self._ask(questions)
        finally:
            self._asking = None
            for question in (*questions, *self._waiting):  # only when this task died: nobody may wait for ever
                question.answer.cancel()
            self._waiting = []

    async def _ask(self, questions: list[_Question]) -> None:
        commands = [question.command for question in questions]
        try:
            try:
                answers = await self._line.ask(commands)
            except NoScriptError:
                answers = (await self._line.ask([("SCRIPT", "LOAD", self._script.text), *commands]))[1:]
        except Exception as error:  # whatever it is belongs to those who asked
            for question in questions:
                if not question.answer.done():
                    question.answer.set_exception(error)
            return
        for question, answer in zip(questions, answers, strict=True):
            if not question.answer.done():
                question.answer.set_result(Held(*answer))
