"""Writes every terminal manifest into the artifact store, where it outlives the view and the log."""

import asyncio
from collections.abc import Mapping
from uuid import UUID

from jobforge.chassis.artifacts import ArtifactStore, StoreUnavailable
from jobforge.chassis.logs import get_logger
from jobforge.chassis.wire import Consumer, NotAssigned, Partition, Record
from jobforge.contracts.identity import parse_run_key

GROUP = "manifest-archiver"
RECORDS = 500
"""Manifests written together."""
REST = 1.0
"""Seconds between batches that were not full: nobody waits for the archive, and writing together is cheaper."""
FIRST_WAIT, LONGEST_WAIT = 0.2, 10.0
"""Seconds between tries while the store is away."""

log = get_logger()


class Archiver:
    """A ``Reader`` of ``jobforge.manifests``. It commits what is written, so after a crash some are written again."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store
        self._held: frozenset[Partition] = frozenset()
        self._wait = FIRST_WAIT

    async def assigned(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """See ``wire.Reader.assigned``."""
        self._held |= partitions

    async def revoked(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """See ``wire.Reader.revoked``."""
        self._held -= partitions

    async def drain(self, consumer: Consumer) -> None:
        """See ``wire.Reader.drain``. What was not committed is written again by the next member."""

    async def run(self, consumer: Consumer) -> None:
        """See ``wire.Reader.run``."""
        for partition in self._held:
            # What an earlier run had polled and not written is read again.
            consumer.seek(partition, await consumer.committed(partition) or 0)
        while True:
            batches = await consumer.poll(timeout=1.0, max_records=RECORDS)
            if batches:
                await self._archive(consumer, batches)
            if sum(len(records) for records in batches.values()) < RECORDS:
                await asyncio.sleep(REST)

    async def _archive(self, consumer: Consumer, batches: Mapping[Partition, list[Record]]) -> None:
        try:
            await self._store.write_manifests(_manifests(batches))
        except StoreUnavailable as error:
            log.warning("archive.unavailable", error=str(error), retry_in=self._wait)
            for partition, records in batches.items():
                consumer.seek(partition, records[0].offset)
            await asyncio.sleep(self._wait)
            self._wait = min(self._wait * 2, LONGEST_WAIT)
            return
        self._wait = FIRST_WAIT
        try:
            await consumer.commit({at: records[-1].offset + 1 for at, records in batches.items()})
        except (NotAssigned, TimeoutError) as error:
            log.info("archive.commit_refused", partitions=len(batches), error=repr(error))


def _manifests(batches: Mapping[Partition, list[Record]]) -> dict[tuple[str, UUID | str], bytes]:
    found: dict[tuple[str, UUID | str], bytes] = {}
    for record in (record for records in batches.values() for record in records):
        named = parse_run_key(record.key)
        if named is None or record.value is None:
            log.warning("archive.skipped", partition=record.partition, offset=record.offset)
            continue
        found[named] = record.value
    return found
