"""A log in memory that keeps the wire's promises: order, keys, groups, commits and rebalances, in one process."""

import asyncio
import itertools
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

from jobforge.chassis.wire import (
    Headers,
    NotAssigned,
    NotWritten,
    OutcomeUnknown,
    Partition,
    Position,
    Reader,
    Record,
    TooLargeToWrite,
)
from jobforge.contracts.dead_letter import size
from jobforge.contracts.identity import partition_of
from jobforge.contracts.topics import SET_ASIDE_MESSAGE_BYTES


class MemoryLog:
    """Topics with a fixed number of partitions; publishing to any other topic fails, as on a real plane."""

    def __init__(self, partitions: Mapping[str, int]) -> None:
        self._partitions = dict(partitions)
        self._records: dict[Partition, list[Record]] = {
            Partition(topic, number): [] for topic, count in partitions.items() for number in range(count)
        }
        self._first: dict[Partition, int] = {}
        """The first offset of partitions from which something was deleted."""
        self._commits: dict[tuple[str, Partition], int] = {}
        self._groups: dict[str, list[MemoryConsumer]] = defaultdict(list)
        self._grown = asyncio.Event()
        self.down = False
        """While True, nothing can be written: ``publish`` raises ``NotWritten``."""
        self.mute = False
        """While True, records are written but never acknowledged: ``publish`` raises ``OutcomeUnknown``."""

    def publisher(self) -> "MemoryPublisher":
        """A publisher into this log."""
        return MemoryPublisher(self)

    def records(self, topic: str) -> list[Record]:
        """Every record that a topic holds, partition by partition."""
        return [
            record
            for at in (Partition(topic, number) for number in range(self._partitions[topic]))
            for record in self._records[at][self.first(at) :]
        ]

    def committed(self, group: str, partition: Partition) -> int | None:
        """What a group committed for a partition."""
        return self._commits.get((group, partition))

    def reset(self, group: str) -> None:
        """Forget a group's commits: its next member reads everything again."""
        for key in [key for key in self._commits if key[0] == group]:
            del self._commits[key]

    def delete_before(self, partition: Partition, offset: int) -> None:
        """What retention does to a partition."""
        self._first[partition] = offset

    def delete_topic(self, topic: str) -> None:
        """The topic goes, and with it what groups committed of it."""
        for at in [Partition(topic, number) for number in range(self._partitions.pop(topic))]:
            del self._records[at]
            self._first.pop(at, None)
        self._commits = {(group, at): offset for (group, at), offset in self._commits.items() if at.topic != topic}

    def make_topic(self, topic: str, partitions: int) -> None:
        """An empty topic comes."""
        self._partitions[topic] = partitions
        self._records |= {Partition(topic, number): [] for number in range(partitions)}

    @asynccontextmanager
    async def member(
        self, *, group: str, reader: Reader, topics: Sequence[str] = (), pattern: str | None = None
    ) -> AsyncIterator["MemoryConsumer"]:
        """A group member that runs ``reader``; leaving the context drains it and hands its partitions on."""
        wanted = set(topics) | {t for t in self._partitions if pattern and re.match(pattern, t)}
        consumer = MemoryConsumer(self, group, reader, wanted)
        self._groups[group].append(consumer)
        await self._rebalance(group)
        task = asyncio.create_task(reader.run(consumer))
        try:
            yield consumer
            if task.done():
                task.result()
        finally:
            await reader.drain(consumer)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            self._groups[group].remove(consumer)
            await consumer.give_up(frozenset(consumer.positions))
            await self._rebalance(group)

    async def _rebalance(self, group: str) -> None:
        members = self._groups[group]
        if not members:
            return
        everything = sorted(p for p in self._records if any(p.topic in m.topics for m in members))
        share: dict[MemoryConsumer, set[Partition]] = {member: set() for member in members}
        for partition, member in zip(everything, itertools.cycle(members), strict=False):
            share[member].add(partition)
        for member in members:
            await member.give_up(frozenset(set(member.positions) - share[member]))
        for member in members:
            await member.take(frozenset(share[member] - set(member.positions)))

    def append(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers, partition: int | None
    ) -> Position:
        """Write one record at once, as the broker would."""
        if self.down:
            raise NotWritten("the log in memory is down")
        if topic not in self._partitions:
            raise NotWritten(f"no topic {topic}")
        number = partition if partition is not None else partition_of(key or b"", self._partitions[topic])
        records = self._records[Partition(topic, number)]
        records.append(Record(topic, number, len(records), key, value, tuple(headers), int(time.time() * 1000)))
        self._grown.set()
        self._grown = asyncio.Event()
        return Position(topic, number, len(records) - 1)

    def read(self, partition: Partition, offset: int, limit: int) -> list[Record]:
        """Up to ``limit`` records from ``offset`` on, or from the first one there is."""
        start = max(offset, self.first(partition))
        return self._records[partition][start : start + limit]

    def first(self, partition: Partition) -> int:
        """The offset of the first record."""
        return self._first.get(partition, 0)

    def end(self, partition: Partition) -> int:
        """The offset after the last record."""
        return len(self._records[partition])

    async def ends(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        """The end offset of each partition."""
        return {partition: self.end(partition) for partition in partitions}

    async def bounds(self, partitions: Iterable[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """For each partition its first offset and the offset after its last record."""
        return {partition: (self.first(partition), self.end(partition)) for partition in partitions}

    async def topics(self) -> frozenset[str]:
        """The names of all topics."""
        return frozenset(self._partitions)

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has."""
        return self._partitions[topic]

    async def grown(self, timeout: float) -> None:
        """Wait until a record is written, at most ``timeout`` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._grown.wait()

    def commit(self, group: str, partition: Partition, offset: int) -> None:
        """Record a group's commit."""
        self._commits[group, partition] = offset


class MemoryPublisher:
    """Writes into a ``MemoryLog``; a ``Publisher``."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def publish(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> Position:
        """Write and acknowledge one record."""
        await asyncio.sleep(0)
        _check(topic, key, value, headers)
        position = self._log.append(topic, key, value, headers, partition)
        if self._log.mute:
            raise OutcomeUnknown("no acknowledgement came")
        return position

    async def send(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> Awaitable[Position]:
        """Write one record in order; awaiting the answer gives its position."""
        done: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
        _check(topic, key, value, headers)
        position = self._log.append(topic, key, value, headers, partition)
        if not self._log.mute:
            done.set_result(position)
        return done


def _check(topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
    """As a producer does, whatever a broker would take."""
    assert not (key is None and value is None), "Need at least one: key or value"
    if size(key, value, headers) > SET_ASIDE_MESSAGE_BYTES:
        raise TooLargeToWrite(f"{topic}: no producer writes as much")


class MemoryConsumer:
    """One member of a group over a ``MemoryLog``; a ``Consumer``."""

    def __init__(self, log: MemoryLog, group: str, reader: Reader, topics: set[str]) -> None:
        self._log = log
        self._group = group
        self._reader = reader
        self._paused: set[Partition] = set()
        self.topics = topics
        self.positions: dict[Partition, int] = {}

    async def poll(self, *, timeout: float, max_records: int) -> Mapping[Partition, list[Record]]:
        """Records of partitions that are not paused."""
        got = self._take(max_records)
        if not got:
            await self._log.grown(timeout)
            got = self._take(max_records)
        return got

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Give nothing more of these partitions."""
        self._paused.update(partitions)

    def resume(self, partitions: Iterable[Partition]) -> None:
        """Give records of these partitions again."""
        self._paused.difference_update(partitions)

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Commit for partitions this member holds."""
        lost = [partition for partition in offsets if partition not in self.positions]
        if lost:
            raise NotAssigned(f"not assigned any more: {lost}")
        for partition, offset in offsets.items():
            self._log.commit(self._group, partition, offset)

    def seek(self, partition: Partition, offset: int) -> None:
        """Read from that offset next."""
        if partition in self.positions:
            self.positions[partition] = offset

    async def committed(self, partition: Partition) -> int | None:
        """The group's committed offset."""
        return self._log.committed(self._group, partition)

    async def bounds(self, partitions: Iterable[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """First offset, and the offset after the last record."""
        return await self._log.bounds(partitions)

    async def take(self, partitions: frozenset[Partition]) -> None:
        """A rebalance gave this member partitions: they start at the group's commit."""
        if partitions:
            self.positions |= {p: self._log.committed(self._group, p) or 0 for p in partitions}
            await self._reader.assigned(self, partitions)

    async def give_up(self, partitions: frozenset[Partition]) -> None:
        """A rebalance takes partitions away."""
        if partitions:
            await self._reader.revoked(self, partitions)
            for partition in partitions:
                del self.positions[partition]
            self._paused -= partitions

    def _take(self, limit: int) -> dict[Partition, list[Record]]:
        got: dict[Partition, list[Record]] = {}
        for partition, position in self.positions.items():
            if limit > 0 and partition not in self._paused:
                records = self._log.read(partition, position, limit)
                if records:
                    got[partition] = records
                    self.positions[partition] = records[-1].offset + 1
                    limit -= len(records)
        return got
