"""The view served in a test's own process: what a test of it holds, whichever way it was started."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import httpx
from redis.asyncio import Redis
from starlette.types import ASGIApp

from jobforge.chassis.artifacts import ArtifactStore
from jobforge.contracts.base import Message
from jobforge.contracts.identity import partition_of
from jobforge.testkit.memory import MemoryLog


@dataclass(frozen=True)
class ServedView:
    """A running view over a log in memory and a real Redis, and the hands of everybody around it."""

    log: MemoryLog
    redis: Redis
    artifacts: ArtifactStore
    app: ASGIApp
    flags: dict[str, bool]
    """Feature flags by name, as the view sees them from now on."""
    http: httpx.AsyncClient
    close: Callable[[], None]
    """Lets whoever waits for a change answer and leave, as a service that is told to stop does."""

    async def write(self, topic: str, message: Message, key: bytes) -> None:
        """Publish a message as its writer does."""
        partition = partition_of(key, self.log.partitions(topic))
        await self.log.publisher().publish(topic, key=key, value=message.to_bytes(), partition=partition)


Serve = Callable[[], AbstractAsyncContextManager[ServedView]]
"""Starts the view, more than once if a test wants to restart it: ``async with serve() as service``."""

ServeOver = Callable[[MemoryLog, Redis, ArtifactStore], AbstractAsyncContextManager[ServedView]]
"""The same, over whatever a test brings."""

EmptyLog = Callable[[], MemoryLog]
"""Makes a log that has every topic the view reads or writes, and no records."""
