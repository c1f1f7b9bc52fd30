"""The view's storage: what the projection writes into Redis, and reads back to go on."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple
from uuid import uuid4

import msgpack  # type: ignore[import-untyped]  # it ships no types
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as Away
from redis.exceptions import NoScriptError

from jobforge.chassis.redis_line import Command, RedisLine
from jobforge.chassis.redis_together import Script
from jobforge.chassis.wire import Partition
from jobforge.manifest import keys, scripts
from jobforge.manifest.batches import Batch

SCRIPT_BYTES = 512 * 1024
"""Steps in one script, which holds Redis while it runs; a larger one runs alone."""


class Step(NamedTuple):
    """A batch and the watermarks around it; ``before`` is None when the view holds none.

    ``absent`` are the fields of rows that the batch was made without looking for: (row, field); ``nowhere`` are whole
    rows.
    """

    partition: Partition
    before: int | None
    after: int
    batch: Batch
    absent: Sequence[tuple[str, str]] = ()
    nowhere: Collection[str] = ()


class Applied(NamedTuple):
    """What became of a step, and the watermark now (None: none).

    ``gap``: the view holds another watermark; ``mistaken``: something is there that was taken to be absent. Neither
    changed anything.
    """

    how: Literal["done", "gap", "mistaken"]
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
        # One for all, since each brings a buffer of its own; without the type for bytes: Lua has one kind of string.
        self._packer = msgpack.Packer(use_bin_type=False)
        self.channel = keys.changed(int(redis.connection_pool.connection_kwargs.get("db") or 0))
        """Where each applied batch is announced."""
        self.own_channel = f"{self.channel}:{uuid4()}"
        """Nothing is said there: who listens there too is told of nothing that this store applied itself."""

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
        """Each step in one atomic piece, all in one round trip. One that finds a gap, or a mistake, changes nothing."""
        every = [(self.channel, self.own_channel, packed) for packed in self._together(steps)]
        try:
            answers = await self._apply.call_each(self._line, [keys.WATERMARKS], every)
        except OSError as error:
            raise Away(str(error)) from error
        return [Applied(how.decode(), int(held) if held else None) for found in answers for how, held in found]

    async def close(self) -> None:
        """Disconnect."""
        await self._line.close()

    def _together(self, steps: Sequence[Step]) -> Iterator[bytes]:
        """Packed lists of steps, each of what one script may take."""
        some: list[bytes] = []
        for step in steps:
            packed: bytes = self._packer.pack(_words(step))
            if some and sum(map(len, some)) + len(packed) > SCRIPT_BYTES:
                yield self._list(some)
                some = []
            some.append(packed)
        if some:
            yield self._list(some)

    def _list(self, packed: Sequence[bytes]) -> bytes:
        head: bytes = self._packer.pack_array_header(len(packed))
        return head + b"".join(packed)

    async def _ask(self, commands: Sequence[Command]) -> list[Any]:
        try:
            return await self._line.ask(commands)
        except OSError as error:
            raise Away(str(error)) from error


def _words(step: Step) -> tuple[Any, ...]:
    """A step as the script takes it apart."""
    return (
        keys.watermark(step.partition),
        "" if step.before is None else str(step.before),
        str(step.after),
        [word for pair in step.absent for word in pair],
        list(step.nowhere),
        "".join(f" {row}" for row in step.batch.changed),
        step.batch.commands,
    )
