"""Looks single things up in the log, without a group: the record at a position, and keys that nobody has read yet."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from jobforge.chassis.wire import Partition, Position, Record, RecordGone
from jobforge.contracts.topics import RUNS

POLL = 500
"""Milliseconds that one fetch waits."""
TIMEOUT = 5.0
"""Seconds that one look-up may take."""
BATCH = 500
REMEMBERED = 5.0
"""Seconds for which what a fetch brought along is relied on: a topic may be made anew."""


class LogLookup:
    """One connection, opened by the first look-up.

    Look-ups raise ``KafkaError`` or ``OSError`` while the log is away; ``TimeoutError`` is one of the latter.
    """

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._consumer: AIOKafkaConsumer | None = None
        self._one_at_a_time = asyncio.Lock()
        self._near: dict[Position, Record] = {}
        """What the last fetch for one record brought along: who asks in the order of the log fetches seldom."""
        self._near_until = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def record(self, position: Position) -> Record:
        """The record at a position; raises ``RecordGone`` when retention took it, or its topic is not there."""
        async with self._one_at_a_time:
            if position not in self._near or asyncio.get_running_loop().time() > self._near_until:
                self._near = {}
                at = Partition(position.topic, position.partition)
                try:
                    async with asyncio.timeout(TIMEOUT):
                        await self._come_near(at, position.offset)
                except OffsetOutOfRangeError as error:
                    raise RecordGone(str(position)) from error
            found = self._near.get(position)
        if found is None:
            raise RecordGone(str(position))
        return found

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
        async with self._one_at_a_time, asyncio.timeout(TIMEOUT):
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

    async def _come_near(self, at: Partition, offset: int) -> None:
        consumer, kafka = await self._open(), TopicPartition(*at)
        there = await consumer.topics()
        if RUNS.name not in there:  # every plane has it: a broker that has just started, and knows nothing yet
            raise ConnectionError("the broker does not know the plane's topics")
        if at.topic not in there:
            raise RecordGone(str(Position(*at, offset)))
        consumer.assign([kafka])
        if (await consumer.end_offsets([kafka]))[kafka] <= offset:
            raise RecordGone(str(Position(*at, offset)))
        consumer.seek(kafka, offset)
        records: list[Record] = []
        while not records:
            records = _records(await consumer.getmany(kafka, timeout_ms=POLL, max_records=BATCH))
        consumer.pause(kafka)
        self._near = {Position(*at, record.offset): record for record in records}
        self._near_until = asyncio.get_running_loop().time() + REMEMBERED

    async def _stretch(self, at: Partition, first: int, end: int) -> AsyncIterator[Record]:
        """The records from ``first`` to before ``end`` that the log still holds."""
        consumer, kafka = await self._open(), TopicPartition(*at)
        consumer.assign([kafka])
        position = max(first, (await consumer.beginning_offsets([kafka]))[kafka])
        if position >= end:
            return
        consumer.seek(kafka, position)
        while position < end:
            for record in _records(await consumer.getmany(kafka, timeout_ms=POLL, max_records=BATCH)):
                if record.offset < end:
                    yield record
            position = await consumer.position(kafka)
        consumer.pause(kafka)

    async def _open(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                client_id="jobforge-scheduler-lookup",
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="none",
                fetch_max_wait_ms=10,
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


def _records(batches: Mapping[TopicPartition, list[Any]]) -> list[Record]:
    return [
        Record(raw.topic, raw.partition, raw.offset, raw.key, raw.value, tuple(raw.headers), raw.timestamp)
        for batch in batches.values()
        for raw in batch
    ]
