"""The engine: reads job records, runs them concurrently, and lets an offset go only when its outcome is written.

It knows the wire's verbs and what handles a record, and no client library.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import structlog

from jobforge.chassis import metrics
from jobforge.chassis.commits import committed
from jobforge.chassis.wire import Consumer, Partition, Record
from jobforge.contracts.delivery import Delivery
from jobforge.contracts.reading import Unreadable
from jobforge.contracts.topics import JOBS, SLOW_JOBS
from jobforge.execution.lanes import Lane
from jobforge.execution.offsets import OffsetTracker
from jobforge.execution.outcomes import Outcomes
from jobforge.execution.recent import RecentRuns

log = structlog.get_logger()

LAST_COMMIT = 2.0
"""Seconds that a stopping worker waits for its last commit."""
UNFORESEEN_PAUSE = 5.0
"""Seconds before a record that failed for a reason of the engine's own is tried again."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a worker holds at once; times in seconds."""

    concurrency: int = 64
    """Jobs at a time in the fast lane; in both lanes an eighth more for tenants that run hardly anything."""
    slow: int = 16
    """Jobs at a time in the slow lane."""
    window: int = 2000
    """Unfinished offsets a partition may hold before it is paused; a tenant may hold half of them."""
    queued_bytes: int = 32 * 1024 * 1024
    """Bytes of records waiting for a slot before their partitions are paused."""
    commit_every: float = 0.2
    drain: float = 20.0
    """What running jobs get when their partition goes to another worker; then they go on under their leases."""
    grace: float = 15.0
    """What they get when this worker stops; then they are handed back."""


class Handles(Protocol):
    """What a worker does with a record."""

    async def handle(self, record: Record, recent: RecentRuns) -> None:
        """Bring the record to its outcome, or pass it on; everything is acknowledged when this returns."""
        ...

    async def keep_leases(self) -> None:
        """Renew what is held until cancelled."""
        ...


@dataclass(slots=True)
class Epoch:
    """One partition for as long as it stays assigned: late completions of an earlier epoch count for nothing."""

    partition: Partition
    slow: bool
    tracker: OffsetTracker = field(default_factory=OffsetTracker)
    recent: RecentRuns = field(default_factory=RecentRuns)
    held: Counter[str] = field(default_factory=Counter)
    """Unfinished records of each tenant."""


class Waiting(NamedTuple):
    """A record in front of its lane's slots."""

    record: Record
    epoch: Epoch
    tenant: str

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        return len(self.record.value or b"")


class Worker:
    """A ``Reader`` of one domain's jobs, fast and slow."""

    def __init__(self, domain: str, handler: Handles, outcomes: Outcomes, *, limits: Limits | None = None) -> None:
        self._handler = handler
        self._outcomes = outcomes
        self._limits = limits or Limits()
        self._slow_topic = SLOW_JOBS.named(domain)
        self.topics = (JOBS.named(domain), self._slow_topic)
        """What it reads."""
        self.group = f"jobs-{domain}"
        """The consumer group of this domain's workers."""
        self._epochs: dict[Partition, Epoch] = {}
        self._lanes = {False: Lane[Waiting](self._limits.concurrency), True: Lane[Waiting](self._limits.slow)}
        self._queued_bytes = 0
        self._running: dict[asyncio.Task[None], Waiting] = {}
        self._paused: set[Partition] = set()
        self._renewing: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def in_flight(self) -> int:
        """Records that are worked on now."""
        return len(self._running)

    async def assigned(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """A new epoch for these partitions."""
        for partition in partitions:
            self._epochs[partition] = Epoch(partition, slow=partition.topic == self._slow_topic)

    async def revoked(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """Stop dispatch, drain, commit, forget. What takes longer goes on under its lease, and may end the run."""
        self._forget_queued(partitions)
        await self._finish(partitions, self._limits.drain, hand_back=False)
        self._forget_queued(partitions)  # what could not be moved meanwhile
        await self._commit(consumer, partitions)
        for partition in partitions:
            self._epochs.pop(partition, None)
            self._paused.discard(partition)

    async def run(self, consumer: Consumer) -> None:
        """Poll for ever; work never holds the poll."""
        committed_at = 0.0
        clock = asyncio.get_running_loop().time
        if self._renewing is None:  # it outlives this loop: what still runs while the worker stops keeps its lease
            self._renewing = asyncio.create_task(self._handler.keep_leases())
        while not self._stopping:
            for partition, records in (await consumer.poll(timeout=0.05, max_records=500)).items():
                self._take(partition, records)
            self._press_back(consumer)
            if clock() - committed_at >= self._limits.commit_every:
                await self._commit(consumer, self._epochs)
                committed_at = clock()

    async def drain(self, consumer: Consumer) -> None:
        """Finish what runs within the grace period; what is queued or unfinished is handed back by not committing."""
        self._stopping = True
        self._forget_queued(self._epochs)
        await self._finish(self._epochs, self._limits.grace, hand_back=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_COMMIT):
                await self._commit(consumer, self._epochs)
        if self._renewing is not None:
            self._renewing.cancel()

    def _take(self, partition: Partition, records: Iterable[Record]) -> None:
        epoch = self._epochs.get(partition)
        if epoch is None:
            return
        for record in records:
            tenant = _tenant(record)
            epoch.tracker.begin(record.offset)
            epoch.held[tenant] += 1
            waiting = Waiting(record, epoch, tenant)
            if not epoch.slow and epoch.held[tenant] > self._limits.window // 2:
                self._start(waiting, self._move(waiting))
            else:
                self._queue(waiting)
        self._dispatch()

    def _queue(self, waiting: Waiting) -> None:
        self._lanes[waiting.epoch.slow].put(waiting.tenant, waiting)
        self._queued_bytes += waiting.size

    def _dispatch(self) -> None:
        for lane in self._lanes.values():
            while (waiting := lane.take()) is not None:
                self._queued_bytes -= waiting.size
                self._start(waiting, self._work(waiting))
        metrics.JOBS_IN_FLIGHT.set(len(self._running))

    def _start(self, waiting: Waiting, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._running[task] = waiting
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        if not self._stopping:
            self._dispatch()

    async def _work(self, waiting: Waiting) -> None:
        """Settle a record; what the engine did not foresee is logged and tried again: no record is dropped."""
        record = waiting.record
        try:
            while True:
                try:
                    await self._handler.handle(record, waiting.epoch.recent)
                    break
                except Exception:
                    at = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
                    log.exception("record.not_settled", **at)
                    await asyncio.sleep(UNFORESEEN_PAUSE)
            self._done(waiting)
        finally:
            self._lanes[waiting.epoch.slow].done(waiting.tenant)

    async def _move(self, waiting: Waiting) -> None:
        """A tenant with more than its share of the window waits in the slow lane, where the others do not."""
        record = waiting.record
        try:
            await self._outcomes.passed_on(record, self._slow_topic, Delivery.of(record.headers))
        except Unreadable:  # no topic takes it: it has its turn here
            self._queue(waiting)
            return
        metrics.JOBS_MOVED.inc()
        self._done(waiting)

    def _done(self, waiting: Waiting) -> None:
        waiting.epoch.tracker.finish(waiting.record.offset)
        waiting.epoch.held[waiting.tenant] -= 1
        if not waiting.epoch.held[waiting.tenant]:
            del waiting.epoch.held[waiting.tenant]

    def _press_back(self, consumer: Consumer) -> None:
        """Back-pressure is pausing, never not polling."""
        full = self._queued_bytes >= self._limits.queued_bytes
        wanted = {
            partition
            for partition, epoch in self._epochs.items()
            if full or epoch.tracker.unfinished >= self._limits.window
        }
        if more := wanted - self._paused:
            consumer.pause(more)
        if fewer := self._paused - wanted:
            consumer.resume(fewer)
        self._paused = wanted

    async def _commit(self, consumer: Consumer, partitions: Iterable[Partition]) -> None:
        trackers = {p: self._epochs[p].tracker for p in partitions if p in self._epochs}
        due: Mapping[Partition, int] = {p: t.due for p, t in trackers.items() if t.due is not None}
        if not due or not await committed(consumer, due):
            return
        for partition, offset in due.items():
            trackers[partition].committed(offset)

    def _forget_queued(self, partitions: Iterable[Partition]) -> None:
        gone = set(partitions)
        for lane in self._lanes.values():
            for dropped in lane.drop(lambda waiting: waiting.epoch.partition in gone):
                self._queued_bytes -= dropped.size

    async def _finish(self, partitions: Iterable[Partition], seconds: float, *, hand_back: bool) -> None:
        wanted = set(partitions)
        mine = [task for task, waiting in self._running.items() if waiting.epoch.partition in wanted]
        if not mine:
            return
        _, late = await asyncio.wait(mine, timeout=seconds)
        if not late:
            return
        log.warning("worker.handed_back" if hand_back else "worker.outlived_its_partition", jobs=len(late))
        if hand_back:
            for task in late:
                task.cancel()
            await asyncio.wait(late, timeout=1)


def _tenant(record: Record) -> str:
    """Whose record it is, from its key alone; records without a proper key share a turn."""
    return (record.key or b"").partition(b":")[0].decode(errors="replace")
