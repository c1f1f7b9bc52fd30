"""Who waits for which run, and what wakes them: what this process applied, and what others announce."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

from aiokafka.errors import KafkaError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from jobforge.chassis.logs import get_logger
from jobforge.chassis.wire import Partition
from jobforge.manifest import keys
from jobforge.manifest.batches import State
from jobforge.manifest.freshness import Freshness
from jobforge.manifest.reads import Row
from jobforge.manifest.states import Request, RunState
from jobforge.manifest.store import Store
from jobforge.manifest.watching import Watch

PROBE = 0.25
"""Seconds between looks at the watermarks: they tell of an idle flush, and of announcements that were missed."""
RETRY = 0.5
PATIENCE = 0.02, 0.25
"""Seconds, least and most, in which a long poll expects to be told of a run that it does not know, before it reads the
view: in a busy service hardly anybody has to."""
REMEMBERED = 4096
"""Rows that this process applied last and answers from."""
SMALL = 8192
"""Bytes of a manifest that is remembered with its row; a larger one is read."""

NONE_SEALED: Mapping[str, bytes] = MappingProxyType({})

log = get_logger()


@dataclass(slots=True)
class Known:
    """A row as this process itself applied it; ``at`` is the position of ``jobforge.runs`` that ``run`` stands at."""

    request: Request | None = None
    run: RunState | None = None
    field: str = ""
    at: int = -1
    manifest: bytes | None = None

    def shown(self, tenant_id: str, run_id: UUID) -> Row:
        """The row as it is read."""
        return Row(tenant_id, run_id, self.request, self.run, self.manifest, f"{self.field}@{self.at}")


class Changes:
    """What the projection of this process applies, and what those of others announce."""

    def __init__(self, redis: Redis, store: Store, freshness: Freshness) -> None:
        self._redis = redis
        self._store = store
        self._freshness = freshness
        self._waiters: dict[str, set[Watch]] = {}
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._own: dict[str, int] = {}
        """How far this process itself has applied, or is about to: nobody has to be told what it announces."""
        self._applied: dict[str, int] = {}
        """How far it has applied."""
        self.patience = PATIENCE[0]
        self.closing = asyncio.Event()
        """Set when the service is told to stop: nobody waits any longer."""

    def watching(self, row: str) -> Watch:
        """A watch over the row, for as long as its ``with`` lasts."""
        return Watch(self._waiters, row)

    def known(self, row: str) -> Known | None:
        """The row, if it is certain without asking Redis.

        An end is: it never changes. Anything else is when this process has just applied it, and knows of nothing later.
        """
        known = self._known.get(row)
        if known is None or known.run is None:
            return None
        if known.run.end is not None:
            return known
        return known if known.request is not None and self._is_latest(known) else None

    def sealed(self, row: str) -> Known | None:
        """The row of an ended run with its manifest, if this process has applied it and knows of nothing later: what
        comes after an end is counted."""
        known = self._known.get(row)
        if known is None or known.manifest is None or not self._is_latest(known):
            return None
        known.at = self._applied[known.field]  # nothing until there changed it, and an older position is never shown
        return known

    def _is_latest(self, known: Known) -> bool:
        return self._applied.get(known.field, -1) >= self._freshness.floor(known.field)

    def looked(self, *, found: bool) -> None:
        """A long poll lost its patience and read the view: too late if the run was there, too early if it was not."""
        self.patience = max(self.patience * 0.75, PATIENCE[0]) if found else min(self.patience * 1.5, PATIENCE[1])

    def applying(self, partition: Partition, after: int) -> None:
        """This process is about to move this watermark; ``applied`` or ``lost`` follows."""
        self._own[keys.watermark(partition)] = after

    def applied(
        self, partition: Partition, after: int, rows: Mapping[str, State], sealed: Mapping[str, bytes] = NONE_SEALED
    ) -> None:
        """This process has moved a watermark, and these rows with it; ``sealed`` are the manifests of some of them."""
        field = keys.watermark(partition)
        self._applied[field] = after
        self._freshness.seen({field: after})
        for row, state in rows.items():
            known = self._known.get(row)
            if known is None:
                known = self._known[row] = Known()
            else:
                self._known.move_to_end(row)
            if isinstance(state, Request):
                known.request = state
            elif isinstance(state, RunState):
                known.run, known.field, known.at = state, field, after
                manifest = sealed.get(row)
                if manifest is not None and len(manifest) <= SMALL:
                    known.manifest = manifest
            for watch in self._waiters.get(row, ()):
                watch.moved(state)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def lost(self) -> None:
        """Partitions went to others, or the view went back: what was applied here proves nothing any more."""
        self._known.clear()
        self._own.clear()
        self._applied.clear()
        self.wake_all()

    def close(self) -> None:
        """Let every waiter answer and leave."""
        self.closing.set()
        self.wake_all()

    def wake_all(self) -> None:
        """Let every waiter look again: something may have been missed."""
        for watches in self._waiters.values():
            for watch in watches:
                watch.wake(foreign=True)

    async def listen(self) -> None:
        """Follow the announcements until cancelled; a lost subscription is made again, and everybody looks again."""
        lost = False
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=False) as subscription:
                    await subscription.subscribe(self._store.channel, self._store.own_channel)
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
        except (KafkaError, OSError) as error:
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
        for step in data.decode().split("\n"):
            field, offset, *rows = step.split(" ")
            if int(offset) <= self._own.get(field, -1):
                continue
            self._freshness.seen({field: int(offset)})
            for row in rows:
                for watch in self._waiters.get(row, ()):
                    watch.wake(foreign=True)
