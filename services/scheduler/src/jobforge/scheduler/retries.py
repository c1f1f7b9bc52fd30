"""Reads the retry topics: holds each record until it is due, has it moved, and only then commits."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic

from jobforge.chassis.commits import committed
from jobforge.chassis.metrics import RETRIES_WAITING, child
from jobforge.chassis.wire import Clock, Consumer, Partition, Record
from jobforge.contracts.topics import RETRY_TIERS
from jobforge.scheduler.lanes import Lane
from jobforge.scheduler.moving import Mover
from jobforge.scheduler.waits import TIERS

GROUP = "scheduler"
RECORDS = 500
LANE_RECORDS = 2000
"""Records that a partition reads ahead before it is paused."""
HELD_BYTES = 32 * 1024 * 1024
"""What all partitions together read ahead; beyond it only one that holds nothing reads on."""
IDLE_POLL, BUSY_POLL = 0.25, 0.02
"""Seconds that a poll waits at most, and while records are on their way."""
LAST_MOVES = 5.0
"""Seconds that records on their way get when their partition goes to another member."""
LAST_COMMIT = 2.0


def _now() -> datetime:
    return datetime.now(UTC)


class Retries:
    """A ``Reader`` of the retry topics.

    A record's wait is computed when it is read and then counted down on the monotonic clock. So a wall clock that jumps
    releases nothing that waits, and makes nothing wait longer than its tier.
    """

    def __init__(self, mover: Mover, *, clock: Clock = monotonic, now: Callable[[], datetime] = _now) -> None:
        self._mover = mover
        self._clock = clock
        self._now = now
        self._lanes: dict[Partition, Lane] = {}
        self._paused: set[Partition] = set()
        self._stopping = False

    @property
    def tended(self) -> frozenset[int]:
        """The partitions whose runs this member tends: those it holds of the shortest tier."""
        return frozenset(at.number for at in self._lanes if at.topic == RETRY_TIERS[0].topic.name)

    async def assigned(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """See ``wire.Reader.assigned``."""
        for partition in partitions:
            self._lanes[partition] = Lane(partition, TIERS[partition.topic])

    async def revoked(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """See ``wire.Reader.revoked``. What waits is read again, and waits on, at the next owner."""
        lanes = [lane for partition in partitions if (lane := self._lanes.pop(partition, None))]
        self._paused -= partitions
        await _finish(lanes)
        await self._commit(consumer, lanes)

    async def drain(self, consumer: Consumer) -> None:
        """See ``wire.Reader.drain``."""
        self._stopping = True
        lanes = list(self._lanes.values())
        await _finish(lanes)
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_COMMIT):
                await self._commit(consumer, lanes)

    async def run(self, consumer: Consumer) -> None:
        """See ``wire.Reader.run``. Neither a wait nor a publish holds the poll."""
        for lane in self._lanes.values():
            if lane.read_to is not None:  # whatever an earlier run had polled and not taken is read again
                consumer.seek(lane.partition, lane.read_to)
        while not self._stopping:
            for partition, records in (await consumer.poll(timeout=self._patience(), max_records=RECORDS)).items():
                self._take(partition, records)
            self._press_back(consumer)
            self._dispatch()
            await self._commit(consumer, list(self._lanes.values()))
            self._measure()

    def _patience(self) -> float:
        if any(lane.mover is not None for lane in self._lanes.values()):
            return BUSY_POLL
        heads = [lane.waiting[0].due for lane in self._lanes.values() if lane.waiting]
        return min(IDLE_POLL, max(0.001, min(heads, default=float("inf")) - self._clock()))

    def _take(self, partition: Partition, records: Iterable[Record]) -> None:
        lane = self._lanes.get(partition)
        if lane is not None:
            lane.take(records, time=self._clock(), now=self._now())

    def _press_back(self, consumer: Consumer) -> None:
        """Reading ahead is bounded by pausing, never by not polling."""
        full = sum(lane.size for lane in self._lanes.values()) >= HELD_BYTES
        wanted = {
            lane.partition
            for lane in self._lanes.values()
            if len(lane.waiting) >= LANE_RECORDS or (full and lane.waiting)
        }
        if more := wanted - self._paused:
            consumer.pause(more)
        if fewer := self._paused - wanted:
            consumer.resume(fewer)
        self._paused = wanted

    def _dispatch(self) -> None:
        time = self._clock()
        for lane in self._lanes.values():
            if lane.mover is not None and lane.mover.done():
                ended, lane.mover = lane.mover, None
                ended.result()
            if lane.mover is None and lane.waiting and lane.waiting[0].due <= time:
                lane.mover = asyncio.create_task(self._mover.move(lane))

    def _measure(self) -> None:
        held = dict.fromkeys(TIERS, 0)
        for lane in self._lanes.values():
            held[lane.partition.topic] += len(lane.waiting)
        for topic, count in held.items():
            child(RETRIES_WAITING, topic).set(count)

    async def _commit(self, consumer: Consumer, lanes: Iterable[Lane]) -> None:
        moved = {lane.partition: lane for lane in lanes if lane.moved_to != lane.committed}
        due = {partition: lane.moved_to for partition, lane in moved.items() if lane.moved_to is not None}
        if not due or not await committed(consumer, due):
            return
        for partition, offset in due.items():
            moved[partition].committed = offset


async def _finish(lanes: Iterable[Lane]) -> None:
    """Let what is on its way arrive; what does not in time is moved again by the next owner."""
    movers = []
    for lane in lanes:
        lane.closing = True
        if lane.mover is not None:
            movers.append(lane.mover)
    if not movers:
        return
    _, late = await asyncio.wait(movers, timeout=LAST_MOVES)
    for mover in late:
        mover.cancel()
    if late:
        await asyncio.wait(late, timeout=1)
