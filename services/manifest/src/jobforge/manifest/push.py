"""Who waits for which run: one subscription a process wakes them when the projection announces a change."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from redis.asyncio import Redis
from redis.exceptions import RedisError

from jobforge.chassis.logs import get_logger
from jobforge.manifest.freshness import Freshness
from jobforge.manifest.store import Store

PROBE = 0.25
"""Seconds between looks at the watermarks: they tell of an idle flush, and of announcements that were missed."""
RETRY = 0.5

log = get_logger()


class Changes:
    """Announcements of the projection, whichever process it runs in."""

    def __init__(self, redis: Redis, store: Store, freshness: Freshness) -> None:
        self._redis = redis
        self._store = store
        self._freshness = freshness
        self._waiters: dict[str, set[asyncio.Event]] = defaultdict(set)
        self.closing = asyncio.Event()
        """Set when the service is told to stop: nobody waits any longer."""

    @contextmanager
    def watching(self, row: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever the row may have changed; clear it before reading the row."""
        event = asyncio.Event()
        self._waiters[row].add(event)
        try:
            yield event
        finally:
            self._waiters[row].discard(event)
            if not self._waiters[row]:
                del self._waiters[row]

    def close(self) -> None:
        """Let every waiter answer and leave."""
        self.closing.set()
        self.wake_all()

    def wake_all(self) -> None:
        """Let every waiter look again: something may have been missed."""
        for events in self._waiters.values():
            for event in events:
                event.set()

    async def listen(self) -> None:
        """Follow the announcements until cancelled; a lost subscription is made again, and everybody looks again."""
        lost = False
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=False) as subscription:
                    await subscription.subscribe(self._store.channel)
                    lost = False
                    while True:
                        message = await subscription.get_message(timeout=None)
                        self._heard(message)
            except RedisError as error:
                if not lost:
                    log.warning("changes.subscription_lost", error=repr(error))
                lost = True
            await asyncio.sleep(RETRY)

    async def probe(self) -> None:
        """Look at the watermarks until cancelled; when the view went back, what is in the log now becomes the floor."""
        while True:
            await asyncio.sleep(PROBE)
            known = self._freshness.known()
            try:
                held = await self._store.watermarks()
            except RedisError:
                continue
            if self._freshness.went_back(held, known):
                await self._went_back(held)
            self._freshness.seen(held)

    async def _went_back(self, held: Mapping[str, int]) -> None:
        log.warning("view.went_back", partitions=len(held))
        self._freshness.forget(held)
        try:
            await self._freshness.aim()
        except (OSError, TimeoutError) as error:
            log.warning("view.aim_failed", error=repr(error))

    def _heard(self, message: dict[str, object] | None) -> None:
        if message is None:
            return
        if message["type"] == "subscribe":
            self.wake_all()
            return
        data = message["data"]
        if message["type"] != "message" or not isinstance(data, bytes):
            return
        field, offset, *rows = data.decode().split(" ")
        self._freshness.seen({field: int(offset)})
        for row in rows:
            for event in self._waiters.get(row, ()):
                event.set()
