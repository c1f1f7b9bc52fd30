"""Reads usage events, stores them as files, and only then commits what it read."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping

from jobforge.chassis.artifacts import StoreUnavailable
from jobforge.chassis.commits import committed
from jobforge.chassis.logs import get_logger
from jobforge.chassis.wire import Clock, Consumer, Partition, Record
from jobforge.contracts.topics import EVENTS
from jobforge.execution.children import Children
from jobforge.execution.errors import ChildDied
from jobforge.keys.rows import Batch, to_files
from jobforge.keys.tidying import Tidying
from jobforge.keys.usage_store import UsageStore

GROUP = "keys-usage"
TOPIC = EVENTS.named("keys")
GATHERED_FOR = 0.4
"""Seconds from the first record of a flush to its end: storing and committing follow within the second."""
MOST_RECORDS = 20_000
MOST_BYTES = 16 * 1024 * 1024
"""Records, and bytes of them, that are stored together."""
FIRST_WAIT, LONGEST_WAIT = 0.2, 10.0
"""Seconds between tries while the store is away."""

log = get_logger()


class UsageFeed:
    """A ``Reader`` of the keys app's events.

    A file's name says which offsets it covers, so what is read again after a crash replaces itself or is known as the
    same by its position. The order is: store, commit.
    """

    def __init__(self, store: UsageStore, *, children: Children | None = None, clock: Clock = time.monotonic) -> None:
        self._store = store
        self._children = children or Children(1)
        self._clock = clock
        self._held: frozenset[Partition] = frozenset()
        self._epoch = 0
        self._storing = asyncio.Lock()
        self._wait = FIRST_WAIT
        self.tidying = Tidying(store, self._children, lambda: self._held, self._storing)

    async def assigned(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """See ``wire.Reader.assigned``."""
        self._held |= partitions
        self._epoch += 1
        self.tidying.look_back()

    async def revoked(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """See ``wire.Reader.revoked``. What was not committed is read again by its next owner."""
        self._held -= partitions
        self._epoch += 1

    async def drain(self, consumer: Consumer) -> None:
        """See ``wire.Reader.drain``. What was not committed is read again by the next member."""

    async def run(self, consumer: Consumer) -> None:
        """See ``wire.Reader.run``."""
        await self._rewind(consumer)
        tidying = asyncio.create_task(self.tidying.run(), name="usage-tidying")
        try:
            while True:
                epoch = self._epoch
                gathered = await self._gather(consumer)
                # A rebalance sets positions back to what is committed: what was gathered before it comes again.
                if gathered and epoch == self._epoch:
                    await self._keep(consumer, gathered)
        finally:
            tidying.cancel()

    async def _rewind(self, consumer: Consumer) -> None:
        """What an earlier run had polled and not stored is read again."""
        for partition, (first, _) in (await consumer.bounds(self._held)).items():
            at = await consumer.committed(partition)
            consumer.seek(partition, first if at is None else at)

    async def _gather(self, consumer: Consumer) -> dict[Partition, list[Record]]:
        """What comes within ``GATHERED_FOR`` seconds of its first record; empty when nothing came for a second."""
        gathered: dict[Partition, list[Record]] = defaultdict(list)
        count = size = 0
        until = self._clock() + 1.0
        while count < MOST_RECORDS and size < MOST_BYTES and (left := until - self._clock()) > 0:
            polled = await consumer.poll(timeout=left, max_records=MOST_RECORDS - count)
            if polled and not gathered:
                until = self._clock() + GATHERED_FOR
            for partition, records in polled.items():
                gathered[partition] += records
                count += len(records)
                size += sum(len(record.value or b"") for record in records)
        return gathered

    async def _keep(self, consumer: Consumer, gathered: Mapping[Partition, list[Record]]) -> None:
        batches = [
            Batch(at.topic, at.number, [(record.offset, record.value) for record in records])
            for at, records in gathered.items()
        ]
        try:
            written = await self._children.run(to_files, batches)
            async with self._storing:
                await self._store.put(written.files)
        except (StoreUnavailable, ChildDied) as error:
            log.warning("usage.not_stored", error=str(error), retry_in=self._wait)
            for partition, records in gathered.items():
                consumer.seek(partition, records[0].offset)
            await asyncio.sleep(self._wait)
            self._wait = min(self._wait * 2, LONGEST_WAIT)
            return
        self._wait = FIRST_WAIT
        for position, reason in written.unreadable:
            log.error("usage.unreadable", position=position, reason=reason)
        self.tidying.look_at(path.rpartition("/")[0] for path in written.files)
        await committed(consumer, {at: records[-1].offset + 1 for at, records in gathered.items()})
