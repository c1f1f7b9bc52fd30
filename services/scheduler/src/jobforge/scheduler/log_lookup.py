"""Looks single things up in the log, without a group: the record at a position, and keys that nobody has read yet."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from jobforge.chassis.wire import Partition, Position, Record

POLL = 500
"""Milliseconds that one fetch waits."""
TIMEOUT = 5.0
"""Seconds that one look-up may take."""
BATCH = 500


class RecordGone(LookupError):
    """The log does not hold that position any more."""


class LogLookup:
    """One connection, opened by the first look-up, for one caller at a time.

    Look-ups raise ``KafkaError`` or ``OSError`` while the log is away; ``TimeoutError`` is one of the latter.
    """

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._consumer: AIOKafkaConsumer | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def record(self, position: Position) -> Record:
        """The record at a position; raises ``RecordGone`` when retention took it."""
        at = Partition(position.topic, position.partition)
        async with asyncio.timeout(TIMEOUT):
            try:
                async for record in self._stretch(at, position.offset, position.offset + 1):
                    if record.offset == position.offset:
                        return record
            except OffsetOutOfRangeError as error:
                raise RecordGone(str(position)) from error
        raise RecordGone(str(position))

    async def unread(
        self, ranges: Mapping[Partition, tuple[int, int]], keys: Collection[bytes], *, most: int
    ) -> frozenset[bytes]:
        """Which of these keys are in the ranges (first offset, offset after the last).

        When more than ``most`` records would have to be read, every key counts as found: it cannot be ruled out.
        """
        wanted = frozenset(keys)
        if sum(end - first for first, end in ranges.values()) > most:
            return wanted
        found: set[bytes] = set()
        async with asyncio.timeout(TIMEOUT):
            for at, (first, end) in ranges.items():
                async for record in self._stretch(at, first, end):
                    if record.key in wanted:
                        found.add(record.key or b"")
                if found == wanted:
                    break
        return frozenset(found)

    async def close(self) -> None:
        """Disconnect."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    async def _stretch(self, at: Partition, first: int, end: int) -> AsyncIterator[Record]:
        """The records from ``first`` to before ``end`` that the log still holds."""
        if first >= end:
            return
        consumer = await self._open()
        kafka = TopicPartition(*at)
        consumer.assign([kafka])
        beginning = (await consumer.beginning_offsets([kafka]))[kafka]
        position = max(first, beginning)
        if position >= end:
            return
        consumer.seek(kafka, position)
        while position < end:
            for raw in _only(await consumer.getmany(kafka, timeout_ms=POLL, max_records=BATCH)):
                if raw.offset < end:
                    yield Record(
                        raw.topic, raw.partition, raw.offset, raw.key, raw.value, tuple(raw.headers), raw.timestamp
                    )
            position = await consumer.position(kafka)

    async def _open(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                client_id="jobforge-scheduler-lookup",
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="none",
                fetch_max_wait_ms=50,
                max_partition_fetch_bytes=2 * 1024 * 1024,
                metadata_max_age_ms=30_000,
            )
            try:
                async with asyncio.timeout(TIMEOUT):
                    await consumer.start()
            except BaseException:
                await consumer.stop()
                raise
            self._consumer = consumer
        return self._consumer


def _only(batches: Mapping[TopicPartition, list[Any]]) -> Iterable[Any]:
    return (record for batch in batches.values() for record in batch)
