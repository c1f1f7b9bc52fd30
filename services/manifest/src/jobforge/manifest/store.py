"""The view's storage: what the projection writes into Redis, and reads back to go on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgpack  # type: ignore[import-untyped]  # it ships no types
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as Away
from redis.exceptions import NoScriptError

from jobforge.chassis.redis_line import Command, RedisLine
from jobforge.chassis.redis_together import Script
from jobforge.chassis.wire import Partition
from jobforge.manifest import keys, scripts
from jobforge.manifest.batches import Batch


@dataclass(frozen=True, slots=True)
class Step:
    """A batch and the watermarks around it; ``before`` is None when the view holds none."""

    partition: Partition
    before: int | None
    after: int
    batch: Batch


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a step: ``held`` is the watermark now (None: none); not ``done`` means a gap was found."""

    done: bool
    held: int | None


class ViewScript(Script):
    """A script that is loaded when the server does not know it (any more)."""

    async def call(self, redis: Redis, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Its answer; raises ``RedisError``."""
        try:
            return await redis.evalsha(self.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            await redis.script_load(self.text)
            return await redis.evalsha(self.sha, len(keys), *keys, *arguments)


class Store:
    """Rows, indexes and watermarks. Every method raises ``RedisError`` while Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._line = RedisLine.beside(redis)
        self._apply = ViewScript(scripts.APPLY)
        self.channel = keys.changed(int(redis.connection_pool.connection_kwargs.get("db") or 0))
        """Where each applied batch is announced."""

    async def watermarks(self) -> Mapping[str, int]:
        """Every watermark by its field."""
        answer: dict[bytes, bytes] = await self._redis.hgetall(keys.WATERMARKS)  # type: ignore[assignment]  # bytes: never decoded
        return {field.decode(): int(held) for field, held in answer.items()}

    async def forget(self, partition: Partition) -> None:
        """Drop a watermark: the log it belongs to is not there any more."""
        await self._redis.hdel(keys.WATERMARKS, keys.watermark(partition))

    async def load(self, wanted: Iterable[tuple[str, str]]) -> list[bytes | None]:
        """One field of each row, in order: (row, field)."""
        commands: list[Command] = [("HGET", row, field) for row, field in wanted]
        return await self._ask(commands) if commands else []

    async def apply(self, steps: Sequence[Step]) -> list[Applied]:
        """Each step in one atomic piece, all in one round trip. A step that finds a gap changes nothing."""
        every = [_arguments(step, self.channel) for step in steps]
        try:
            answers = await self._apply.call_each(self._line, [keys.WATERMARKS], every)
        except OSError as error:
            raise Away(str(error)) from error
        return [Applied(done == 1, int(held) if held else None) for done, held in answers]

    async def close(self) -> None:
        """Disconnect."""
        await self._line.close()

    async def _ask(self, commands: Sequence[Command]) -> list[Any]:
        try:
            return await self._line.ask(commands)
        except OSError as error:
            raise Away(str(error)) from error


def _arguments(step: Step, channel: str) -> list[str | bytes | int]:
    commands = [(mode, *(_word(word) for word in command)) for mode, command in step.batch.commands]
    return [
        keys.watermark(step.partition),
        "" if step.before is None else step.before,
        step.after,
        channel,
        "".join(f" {row}" for row in step.batch.changed),
        # Without the type for bytes: to Lua everything is one kind of string.
        msgpack.packb(commands, use_bin_type=False),
    ]


def _word(word: str | bytes | int) -> str | bytes:
    """Lua would write a large integer as a float."""
    return str(word) if isinstance(word, int) else word
