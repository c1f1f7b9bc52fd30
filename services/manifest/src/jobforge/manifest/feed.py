"""The projection's loop: reads the log from the view's own watermarks, applies it, and goes back when the view did."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from redis.exceptions import RedisError

from jobforge.chassis.artifacts import StoreUnavailable
from jobforge.chassis.logs import get_logger
from jobforge.chassis.metrics import CONSUMER_REBALANCES, PROJECTION_GAPS, PROJECTION_RECORDS, child
from jobforge.chassis.wire import Consumer, Partition, Record
from jobforge.contracts.topics import RUNS
from jobforge.manifest import keys
from jobforge.manifest.batches import Batch, Read, State
from jobforge.manifest.families import JOBS, decode, family_of, outlived, remembered
from jobforge.manifest.lanes import Lane, introduce, slices
from jobforge.manifest.outbox import Outbox
from jobforge.manifest.placing import settled
from jobforge.manifest.store import Step, Store
from jobforge.manifest.work import Work, load, unpublished

GROUP = "manifest"
PROBE = 0.25
"""Seconds between looks at the watermarks while nothing arrives, so that an idle flush is noticed too."""
COMMIT = 0.5
RECORDS = 500
MOMENT = 0.008
"""Seconds that a request waits at most for what its run says: many jobs end sooner, and the end would wait in turn."""
UNBROKEN = 32
"""Records decoded or folded before others on the event loop have their turn."""
FIRST_WAIT, LONGEST_WAIT = 0.1, 2.0

log = get_logger()


class Told(Protocol):
    """Who is told what this process applies."""

    def applying(self, partition: Partition, after: int) -> None:
        """A watermark is about to move."""
        ...

    def applied(self, partition: Partition, after: int, rows: Mapping[str, State], sealed: Mapping[str, bytes]) -> None:
        """It has moved, and these rows with it; ``sealed`` are the manifests of those that ended."""
        ...

    def lost(self) -> None:
        """What was applied here may not be what the view holds."""
        ...


Archive = Callable[[str, UUID], Awaitable[bytes | None]]
"""The archived manifest of a tenant's run, or None; raises ``StoreUnavailable``."""


def _now() -> datetime:
    return datetime.now(UTC)


class Projector:
    """A ``Reader`` of everything the view is made of. Its position is the view's watermark, not the group's offset.

    The group's offset only follows what was published: after a restart, records before the watermark are not applied
    again, and those after the commit are published again.
    """

    def __init__(
        self, *, store: Store, outbox: Outbox, archive: Archive, told: Told, now: Callable[[], datetime] = _now
    ) -> None:
        self._store = store
        self._told = told
        self._archive = archive
        self._outbox = outbox
        self._now = now
        self._lanes: dict[Partition, Lane] = {}
        self._wait = FIRST_WAIT
        self._unbroken = 0
        self.trouble: str | None = None
        """Why the view does not move, or None."""

    @property
    def caught_up(self) -> bool:
        """Whether every partition held has reached the end it had when it was taken."""
        return all(lane.applied is not None and lane.applied >= lane.target for lane in self._lanes.values())

    async def assigned(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """See ``wire.Reader.assigned``. The lanes are placed by the loop, which can wait for Redis."""
        child(CONSUMER_REBALANCES, GROUP).inc()
        self._lanes |= {at: Lane(at, family_of(at.topic)) for at in partitions}
        introduce(self._lanes.values())
        consumer.pause(partitions)

    async def revoked(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """See ``wire.Reader.revoked``. A batch still on its way to Redis is guarded by its watermark."""
        for partition in partitions:
            self._lanes.pop(partition, None)
        introduce(self._lanes.values())
        self._told.lost()
        await self._outbox.commit(consumer)
        self._outbox.forget(partitions)

    async def drain(self, consumer: Consumer) -> None:
        """See ``wire.Reader.drain``."""
        lanes, self._lanes = self._lanes, {}
        self._told.lost()
        await self._outbox.drain(timeout=5)
        await self._outbox.commit(consumer)
        self._outbox.forget(lanes)

    async def run(self, consumer: Consumer) -> None:
        """See ``wire.Reader.run``."""
        clock = asyncio.get_running_loop().time
        probed = committed = clock()
        for lane in self._lanes.values():
            lane.lost()  # whatever an earlier run had polled and not applied is read again
        consumer.pause(self._lanes)
        task = asyncio.current_task()
        # The Redis client may swallow a cancellation that meets a connection being made; the task remembers it.
        while task is None or not task.cancelling():
            try:
                if None in [lane.applied for lane in self._lanes.values()]:
                    await self._place(consumer)
                for batches in slices(await self._poll(consumer)):
                    await self._take(consumer, batches)
                if clock() - probed >= PROBE:
                    await self._probe(consumer)
                    probed = clock()
                if self.trouble is not None:
                    log.info("projection.resumed")
                    self.trouble, self._wait = None, FIRST_WAIT
            except (RedisError, StoreUnavailable) as error:
                await self._lose_all(consumer, error)
            if clock() - committed >= COMMIT:
                await self._outbox.commit(consumer)
                committed = clock()

    async def _poll(self, consumer: Consumer) -> Mapping[Partition, list[Record]]:
        """What has come; a request that came alone waits a moment for its run, and both are folded at once."""
        polled = await consumer.poll(timeout=PROBE, max_records=RECORDS)
        if len(polled) != 1 or family_of(next(iter(polled)).topic) is not JOBS:
            return polled
        more = await consumer.poll(timeout=MOMENT, max_records=RECORDS)
        return {at: [*polled.get(at, ()), *more.get(at, ())] for at in {**polled, **more}}

    async def _place(self, consumer: Consumer) -> None:
        """Go, in every lane whose watermark is not known, to the lower of the watermark and the commit."""
        lanes = [lane for lane in self._lanes.values() if lane.applied is None]
        held = await self._store.watermarks()
        bounds = await consumer.bounds([lane.partition for lane in lanes])
        for lane in lanes:
            first, end = bounds[lane.partition]
            mark = held.get(keys.watermark(lane.partition))
            mark = await settled(self._store, lane.partition, mark, first=first, end=end, group=GROUP)
            if lane.published is None:
                lane.published = await consumer.committed(lane.partition)
            if lane.published is None or lane.published > end:
                lane.published = first
            lane.target = end
            lane.states.clear()
            lane.applied = mark
            if mark is not None and lane.partition in self._lanes:
                consumer.seek(lane.partition, max(first, min(mark, lane.published)))
                consumer.resume([lane.partition])
        log.info("projection.placed", partitions=len(lanes), behind=sum(lane.behind for lane in lanes))

    async def _take(self, consumer: Consumer, batches: Mapping[Partition, list[Record]]) -> None:
        work: list[Work] = []
        for partition, records in sorted(batches.items(), key=_runs_first):
            lane = self._lanes.get(partition)
            if lane is not None and lane.applied is not None:
                work.append(Work(lane, decode(lane.family, records)))
                await self._breathe(len(records))
        if mistaken := await self._apply(consumer, work, guess=True):
            await self._apply(consumer, mistaken, guess=False)

    async def _apply(self, consumer: Consumer, work: Sequence[Work], *, guess: bool) -> list[Work]:
        """Fold these and write what comes out; returns those of which a guess was wrong, and nothing is done."""
        await load(self._store, work, self._runs_beside, guess=guess)
        steps: list[Step] = []
        for each in work:
            reads = await self._remembered(each)
            steps.append(each.fold(reads, self._now()))
            await self._breathe(len(reads))
        for step in steps:
            self._told.applying(step.partition, step.after)
        answers = await self._store.apply(steps) if steps else []
        mistaken, done = [], []
        for each, step, answer in zip(work, steps, answers, strict=True):
            lane = each.lane
            if answer.how == "gap":
                self._gap(consumer, lane, answer.held)
                continue
            if answer.how == "mistaken":
                each.undo()
                mistaken.append(each)
                continue
            lane.applied = step.after
            each.confirm()
            done.append((each, step))
        for each, step in done:
            if self._lanes.get(each.lane.partition) is each.lane:
                self._tell(each.lane, step)
        await asyncio.sleep(0)  # who was told answers first
        for each, step in done:
            child(PROJECTION_RECORDS, each.lane.partition.topic).inc(len(each.reads))
            each.lane.trim()
            if self._lanes.get(each.lane.partition) is each.lane:
                await self._publish(each.lane, step.batch, each.after)
        return mistaken

    async def _breathe(self, records: int) -> None:
        """Let others run now and then: each record takes a part of a millisecond."""
        self._unbroken += records
        if self._unbroken >= UNBROKEN:
            self._unbroken = 0
            await asyncio.sleep(0)

    async def _publish(self, lane: Lane, batch: Batch, after: int) -> None:
        """Hand over what the group has not committed."""
        published = lane.published or 0
        ready = await unpublished(self._store, batch, published)
        if after > published:
            await self._outbox.put(lane.partition, after, ready)
            lane.published = after

    def _tell(self, lane: Lane, step: Step) -> None:
        """Of a request together with what is known of its run, which is the other half of its row."""
        rows = {row: lane.states[row] for row in step.batch.changed}
        self._told.applied(step.partition, step.after, rows, step.batch.sealed)
        runs = self._runs_beside(lane)
        if runs is not None:
            assert runs.applied is not None
            known = {row: runs.states[row] for row in rows if row in runs.states}
            self._told.applied(runs.partition, runs.applied, known, {})
            runs.trim()

    def _runs_beside(self, lane: Lane) -> Lane | None:
        """The lane of the same runs' lifecycle, if it is this member's and up to date."""
        if lane.family is not JOBS:
            return None
        runs = self._lanes.get(Partition(RUNS.name, lane.partition.number))
        return runs if runs is not None and runs.applied is not None else None

    async def _remembered(self, work: Work) -> list[Read]:
        """The records, told apart from late repeats of runs that the view let go: the archive is asked for those."""
        lane, reads = work.lane, work.reads
        doubtful = outlived(reads, lane.states)
        if not doubtful:
            return reads
        asked = {row: await self._archive(message.tenant_id, message.run_id) for row, message in doubtful.items()}
        archived = {row: value for row, value in asked.items() if value is not None}
        log.info("projection.asked_archive", partition=keys.watermark(lane.partition), runs=len(asked))
        return remembered(reads, archived)

    async def _probe(self, consumer: Consumer) -> None:
        held = await self._store.watermarks()
        for lane in list(self._lanes.values()):
            mark = held.get(keys.watermark(lane.partition))
            if lane.applied is not None and mark != lane.applied:
                self._gap(consumer, lane, mark)

    def _gap(self, consumer: Consumer, lane: Lane, held: int | None) -> None:
        log.warning("projection.gap", partition=keys.watermark(lane.partition), expected=lane.applied, held=held)
        PROJECTION_GAPS.inc()
        lane.lost()
        self._told.lost()
        consumer.pause([lane.partition])

    async def _lose_all(self, consumer: Consumer, error: Exception) -> None:
        """Redis, or the archive, is away: hold every partition, stay in the group, and place the lanes anew."""
        if self.trouble is None:
            log.warning("projection.view_lost", error=repr(error))
        what = "the archive" if isinstance(error, StoreUnavailable) else "Redis"
        self.trouble = f"{what} does not answer: {type(error).__name__}"
        for lane in self._lanes.values():
            lane.lost()
        self._told.lost()
        consumer.pause(self._lanes)
        await consumer.poll(timeout=self._wait, max_records=1)
        self._wait = min(self._wait * 2, LONGEST_WAIT)


def _runs_first(batch: tuple[Partition, list[Record]]) -> bool:
    return batch[0].topic != RUNS.name
