"""The fact that an attempt began waits a moment for what follows it: one record batch then carries both."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import NamedTuple

from jobforge.chassis.traced import trace_scope
from jobforge.chassis.wire import Headers, NotWritten, Position, Publisher
from jobforge.contracts.topics import RUNS

MOMENT = 0.003
"""Seconds that a start waits at most: many jobs end sooner, and nobody watches a run as closely."""


class _Start(NamedTuple):
    value: bytes
    partition: int


class StartsFirst:
    """A ``Publisher`` over another one, for everything that is said of runs.

    A start stands in the log before whatever else is said under its key, and leaves no span of its own.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._held: dict[bytes, _Start] = {}
        self._waiting: dict[int, list[bytes]] = {}
        """For each partition the keys whose starts share a timer."""
        self._sending: set[asyncio.Task[None]] = set()

    async def start(self, *, key: bytes, value: bytes, partition: int, wait: bool) -> None:
        """Hand a start over, now or within a moment; nothing waits for its acknowledgement."""
        if not wait:
            await self._send(value, key, partition)
            return
        self._held[key] = _Start(value, partition)
        waiting = self._waiting.get(partition)
        if waiting is None:
            waiting = self._waiting[partition] = []
            asyncio.get_running_loop().call_later(MOMENT, self._alone, partition)
        waiting.append(key)

    async def publish(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> Position:
        """See ``wire.Publisher.publish``."""
        if topic == RUNS.name and key in self._held:
            await self._held_of(key)
        return await self._publisher.publish(topic, key=key, value=value, headers=headers, partition=partition)

    async def send(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> Awaitable[Position]:
        """See ``wire.Publisher.send``."""
        if topic == RUNS.name and key in self._held:
            await self._held_of(key)
        return await self._publisher.send(topic, key=key, value=value, headers=headers, partition=partition)

    def _alone(self, partition: int) -> None:
        """Nothing followed these in time. A partition that takes no records holds up its own starts alone."""
        late = [key for key in self._waiting.pop(partition) if key in self._held]
        if late:
            task = asyncio.create_task(self._each_of(late))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _each_of(self, keys: Iterable[bytes]) -> None:
        for key in keys:
            await self._held_of(key)

    async def _held_of(self, key: bytes) -> None:
        start = self._held.pop(key, None)
        if start is not None:
            await self._send(start.value, key, start.partition)

    async def _send(self, value: bytes, key: bytes, partition: int) -> None:
        scope = trace_scope.set(None)
        try:
            await self._publisher.send(RUNS.name, key=key, value=value, partition=partition)
        except NotWritten:
            pass
        finally:
            trace_scope.reset(scope)
