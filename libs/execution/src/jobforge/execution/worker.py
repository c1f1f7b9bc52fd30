"""The engine: reads job records, runs them concurrently, and lets an offset go only when its outcome is written.

It knows the wire's verbs and the runner, and no client library.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import structlog

from jobforge.chassis import metrics
from jobforge.chassis.metrics import child
from jobforge.chassis.telemetry import Telemetry
from jobforge.chassis.traced import TraceScope, trace_scope
from jobforge.chassis.wire import Consumer, NotAssigned, Partition, Publisher, Record
from jobforge.contracts.identity import parse_run_key
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.reading import Unreadable, read
from jobforge.contracts.runs import RunFailed, RunSucceeded
from jobforge.contracts.topics import DEAD_LETTERS, REJECTED
from jobforge.execution.offsets import OffsetTracker
from jobforge.execution.outcomes import Outcomes
from jobforge.execution.recent import RecentRuns
from jobforge.execution.runner import Runner

log = structlog.get_logger()

LAST_COMMIT = 2.0
"""Seconds that a stopping worker waits for its last commit."""
UNFORESEEN_PAUSE = 5.0
"""Seconds before a record that failed for a reason of the engine's own is tried again."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a worker holds at once; times in seconds."""

    concurrency: int = 64
    queued: int = 256
    """Records waiting for a slot before their partitions are paused."""
    window: int = 2000
    """Unfinished offsets a partition may hold before it is paused."""
    commit_every: float = 0.2
    drain: float = 20.0
    """What running jobs get when their partition goes to another worker."""
    grace: float = 15.0
    """What they get when this worker stops."""


class Worker:
    """A ``Reader`` of one domain's jobs."""

    def __init__(
        self,
        domain: str,
        runner: Runner,
        publisher: Publisher,
        telemetry: Telemetry,
        *,
        partitions: int,
        limits: Limits | None = None,
    ) -> None:
        self._domain = domain
        self._runner = runner
        self._outcomes = Outcomes(publisher, partitions)
        self._telemetry = telemetry
        self._limits = limits or Limits()
        self._trackers: dict[Partition, OffsetTracker] = {}
        self._recent: dict[Partition, RecentRuns] = {}
        self._queue: deque[tuple[Record, OffsetTracker]] = deque()
        self._running: dict[asyncio.Task[None], Partition] = {}
        self._paused: set[Partition] = set()
        self._stopping = False

    @property
    def group(self) -> str:
        """The consumer group of this domain's workers."""
        return f"jobs-{self._domain}"

    @property
    def in_flight(self) -> int:
        """Jobs that run now."""
        return len(self._running)

    async def assigned(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """A new epoch for these partitions: fresh trackers."""
        for partition in partitions:
            self._trackers[partition] = OffsetTracker()
            self._recent[partition] = RecentRuns()

    async def revoked(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """Stop dispatch, drain, commit, forget: late completions of the old epoch count for nothing."""
        self._forget_queued(partitions)
        await self._finish(partitions, self._limits.drain)
        await self._commit(consumer, partitions)
        for partition in partitions:
            self._trackers.pop(partition, None)
            self._recent.pop(partition, None)
            self._paused.discard(partition)

    async def run(self, consumer: Consumer) -> None:
        """Poll for ever; work never holds the poll."""
        committed_at = 0.0
        clock = asyncio.get_running_loop().time
        while not self._stopping:
            for partition, records in (await consumer.poll(timeout=0.05, max_records=500)).items():
                self._take(partition, records)
            self._press_back(consumer)
            if clock() - committed_at >= self._limits.commit_every:
                await self._commit(consumer, self._trackers)
                committed_at = clock()

    async def drain(self, consumer: Consumer) -> None:
        """Finish what runs within the grace period; what is queued or unfinished is handed back by not committing."""
        self._stopping = True
        self._forget_queued(self._trackers)
        await self._finish(self._trackers, self._limits.grace)
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_COMMIT):
                await self._commit(consumer, self._trackers)

    def _take(self, partition: Partition, records: Iterable[Record]) -> None:
        tracker = self._trackers.get(partition)
        if tracker is None:
            return
        for record in records:
            tracker.begin(record.offset)
            self._queue.append((record, tracker))
        self._dispatch()

    def _dispatch(self) -> None:
        while self._queue and len(self._running) < self._limits.concurrency:
            record, tracker = self._queue.popleft()
            task = asyncio.create_task(self._insist(record, tracker))
            self._running[task] = record.at
            metrics.JOBS_IN_FLIGHT.set(len(self._running))
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        metrics.JOBS_IN_FLIGHT.set(len(self._running))
        if not self._stopping:
            self._dispatch()

    async def _insist(self, record: Record, tracker: OffsetTracker) -> None:
        """Settle a record; what the engine did not foresee is logged and tried again: no record is dropped."""
        while True:
            try:
                return await self._settle(record, tracker)
            except Exception:
                log.exception(
                    "record.not_settled", topic=record.topic, partition=record.partition, offset=record.offset
                )
                await asyncio.sleep(UNFORESEEN_PAUSE)

    async def _settle(self, record: Record, tracker: OffsetTracker) -> None:
        """Bring one record to its outcome; only then its offset counts as done."""
        try:
            requested = read(JobRequested, record.value)
            snapshot = self._runner.snapshot(requested)
        except Unreadable as why:
            await self._refuse(record, why)
        else:
            recent = self._recent.get(record.at) or RecentRuns()
            match recent.meet(requested.run_id, requested.body_digest):
                case "new":
                    with recent.working(requested.run_id):
                        await self._execute(record, requested, snapshot)
                case "conflict":
                    detail = f"run {requested.run_id} exists with another body; use another Idempotency-Key"
                    await self._outcomes.set_aside(record, REJECTED.name, "idempotency.conflict", detail)
                    child(metrics.REJECTED, "idempotency.conflict").inc()
                case "repeat":
                    if not await recent.finished(requested.run_id):
                        return await self._settle(record, tracker)
        tracker.finish(record.offset)

    async def _execute(self, record: Record, requested: JobRequested, snapshot: Any) -> None:
        started = self._runner.started(requested, 1, uuid4().hex)
        with (
            self._telemetry.process_span(
                record,
                group=self.group,
                trace_id=requested.trace_id,
                attributes={
                    "jobforge.tenant_id": requested.tenant_id,
                    "jobforge.run_id": str(requested.run_id),
                    "jobforge.template_key": requested.template_key,
                },
            ) as span,
            structlog.contextvars.bound_contextvars(
                run_id=str(requested.run_id), app_trace_id=requested.trace_id, attempt=started.attempt
            ),
        ):
            await self._outcomes.started(started)
            outcome = await self._runner.run(requested, snapshot, started)
            trace_scope.set(TraceScope(requested.trace_id, span.context))
            await self._outcomes.ended(outcome)
            _measure(requested, outcome)
            if isinstance(outcome, RunFailed):
                span.end(error=outcome.error.code)
                log.info("run.failed", code=outcome.error.code, template_key=requested.template_key)

    async def _refuse(self, record: Record, why: Unreadable) -> None:
        """Poison by bytes: the record goes to the dead letters untouched, and the run that its key names ends."""
        named: tuple[str, UUID] | None = parse_run_key(record.key)
        log.warning(
            "record.unreadable",
            reason=why.reason,
            run_id=named and str(named[1]),
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
        )
        await self._outcomes.set_aside(record, DEAD_LETTERS.named(self._domain), why.reason, why.detail)
        child(metrics.DEAD_LETTERS, why.reason).inc()
        if named is not None:
            await self._outcomes.ended(self._runner.unreadable(*named, why.reason, why.detail))

    def _press_back(self, consumer: Consumer) -> None:
        """Back-pressure is pausing, never not polling."""
        full = len(self._queue) >= self._limits.queued
        wanted = {
            partition
            for partition, tracker in self._trackers.items()
            if full or tracker.unfinished >= self._limits.window
        }
        if more := wanted - self._paused:
            consumer.pause(more)
        if fewer := self._paused - wanted:
            consumer.resume(fewer)
        self._paused = wanted

    async def _commit(self, consumer: Consumer, partitions: Iterable[Partition]) -> None:
        trackers = {p: self._trackers[p] for p in partitions if p in self._trackers}
        due: Mapping[Partition, int] = {p: t.due for p, t in trackers.items() if t.due is not None}
        if not due:
            return
        try:
            await consumer.commit(due)
        except NotAssigned as error:
            log.info("commit.too_late", error=str(error))
            return
        except Exception as error:  # the next commit carries the same offsets, or higher ones
            log.warning("commit.failed", error=repr(error))
            return
        for partition, offset in due.items():
            trackers[partition].committed(offset)

    def _forget_queued(self, partitions: Iterable[Partition]) -> None:
        gone = set(partitions)
        self._queue = deque(item for item in self._queue if item[0].at not in gone)

    async def _finish(self, partitions: Iterable[Partition], seconds: float) -> None:
        wanted = set(partitions)
        mine = [task for task, partition in self._running.items() if partition in wanted]
        if not mine:
            return
        _, late = await asyncio.wait(mine, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            log.warning("worker.handed_back", jobs=len(late))
            await asyncio.wait(late, timeout=1)


def _measure(requested: JobRequested, outcome: RunSucceeded | RunFailed) -> None:
    key = requested.template_key if outcome.request is not None else "unknown"
    child(metrics.JOB_ATTEMPTS, key, outcome.type).inc()
    if outcome.started_at is not None:
        waited = (outcome.started_at - requested.requested_at).total_seconds()
        ran = (outcome.finished_at - outcome.started_at).total_seconds()
        child(metrics.JOB_QUEUE_WAIT_SECONDS, key).observe(max(waited, 0))
        child(metrics.JOB_RUN_SECONDS, key).observe(ran)
