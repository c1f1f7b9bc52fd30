"""What the projection still has to publish, and how far the group may commit: never past what is not acknowledged."""

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from jobforge.chassis import conventions as names
from jobforge.chassis.logs import get_logger
from jobforge.chassis.metrics import REJECTED, child
from jobforge.chassis.telemetry import Telemetry, TraceScope, trace_scope
from jobforge.chassis.wire import (
    Consumer,
    NotAssigned,
    NotWritten,
    OutcomeUnknown,
    Partition,
    Position,
    Publisher,
)
from jobforge.contracts import topics
from jobforge.contracts.dead_letter import aside
from jobforge.manifest import keys
from jobforge.manifest.batches import Refusal, Snapshot

OUTSTANDING = 5_000
"""Records that may wait for their acknowledgement before the projection waits as well."""
LEISURE = 0.025
"""Seconds from when snapshots left until more do, together: those go first who wait for the end of a run."""
FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0
"""Seconds between tries of the same records."""

log = get_logger()


@dataclass(slots=True)
class _Mark:
    """Everything before ``after`` is published once ``waiting`` is 0."""

    after: int
    waiting: int


class _Letter(NamedTuple):
    """A snapshot as it is sent, however often: to the partition that its run has in every topic."""

    key: bytes
    value: bytes | None
    partition: int
    scope: TraceScope | None


class Outbox:
    """Publishes in the background, repeats what fails until it is acknowledged, and commits low watermarks."""

    def __init__(self, publisher: Publisher, telemetry: Telemetry, *, group: str, timeout: float) -> None:
        self._publisher = publisher
        self._telemetry = telemetry
        self._group = group
        self._timeout = timeout
        """Seconds in which a snapshot is acknowledged; then it is sent again."""
        self._marks: dict[Partition, deque[_Mark]] = {}
        self._waiting: list[tuple[Snapshot, _Mark]] = []
        self._leaving: asyncio.TimerHandle | None = None
        self._left = float("-inf")
        self._tasks: set[asyncio.Task[None]] = set()
        self._outstanding = 0
        self._fewer = asyncio.Event()

    async def put(self, partition: Partition, after: int, what: Iterable[Snapshot | Refusal]) -> None:
        """Publish these; ``after`` is the offset the group may commit when they are acknowledged."""
        mark = _Mark(after, 0)
        self._marks.setdefault(partition, deque()).append(mark)
        for item in what:
            mark.waiting += 1
            self._outstanding += 1
            if isinstance(item, Snapshot):
                self._waiting.append((item, mark))
            else:
                self._start(self._refusal(item), [mark])
        if self._waiting and self._leaving is None:
            loop = asyncio.get_running_loop()
            self._leaving = loop.call_at(max(loop.time(), self._left + LEISURE), self._leave)
        while self._outstanding > OUTSTANDING:
            self._fewer.clear()
            await self._fewer.wait()

    def _acknowledged(self, partition: Partition) -> int | None:
        reached = None
        for mark in self._marks.get(partition, ()):
            if mark.waiting:
                break
            reached = mark.after
        return reached

    async def commit(self, consumer: Consumer) -> None:
        """Commit what is acknowledged. A partition that was lost meanwhile is forgotten: its owner sends it again."""
        offsets = {at: reached for at in self._marks if (reached := self._acknowledged(at)) is not None}
        if not offsets:
            return
        try:
            await consumer.commit(offsets)
        except NotAssigned:
            log.info("projection.commit_refused", partitions=len(offsets))
        except TimeoutError:
            log.warning("projection.commit_timed_out", partitions=len(offsets))
            return
        for at, reached in offsets.items():
            marks = self._marks.get(at)
            while marks and not marks[0].waiting and marks[0].after <= reached:
                marks.popleft()

    def forget(self, partitions: Iterable[Partition]) -> None:
        """These belong to another member now; what is on its way is finished, and committed by nobody here."""
        for partition in partitions:
            self._marks.pop(partition, None)

    async def drain(self, timeout: float) -> None:
        """Wait until everything is acknowledged, at most ``timeout`` seconds; the rest is sent after a restart."""
        self._leave()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=timeout)
            for task in late:
                task.cancel()

    def _leave(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        if self._waiting:
            self._left = asyncio.get_running_loop().time()
            snapshots, marks = zip(*self._waiting, strict=True)
            self._waiting = []
            self._start(self._snapshots(snapshots), marks)

    def _start(self, delivery: Coroutine[Any, Any, None], marks: Sequence[_Mark]) -> None:
        """Deliver a record for each of these marks."""
        task = asyncio.create_task(delivery)
        self._tasks.add(task)
        task.add_done_callback(partial(self._done, marks))

    def _done(self, marks: Sequence[_Mark], finished: asyncio.Task[None]) -> None:
        self._tasks.discard(finished)
        self._outstanding -= len(marks)
        self._fewer.set()
        if not finished.cancelled() and finished.exception() is None:
            for mark in marks:
                mark.waiting -= 1

    async def _snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        """Send these, together, until each is acknowledged."""
        letters = [self._letter(snapshot) for snapshot in snapshots]
        wait = FIRST_WAIT
        while letters := await self._unacknowledged(letters):
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)

    async def _unacknowledged(self, letters: Sequence[_Letter]) -> list[_Letter]:
        """Those of them that the log did not take, or not within the time; the others are acknowledged."""
        left: list[_Letter] = []
        sent: dict[asyncio.Future[Position], _Letter] = {}
        for number, letter in enumerate(letters):
            key, value, partition, scope = letter
            trace_scope.set(scope)
            try:
                answer = await self._publisher.send(topics.MANIFESTS.name, key=key, value=value, partition=partition)
            except (NotWritten, OutcomeUnknown) as error:
                _failed(topics.MANIFESTS.name, error)
                left += letters[number:]  # the next ones would have to wait as well
                break
            sent[asyncio.ensure_future(answer)] = letter
        if sent:
            await asyncio.wait(sent, timeout=self._timeout)
        for answer, letter in sent.items():
            try:
                if not answer.done():
                    answer.cancel()
                    raise OutcomeUnknown(f"no acknowledgement within {self._timeout:g} s")
                answer.result()
            except (NotWritten, OutcomeUnknown) as error:
                _failed(topics.MANIFESTS.name, error)
                left.append(letter)
        return left

    def _letter(self, snapshot: Snapshot) -> _Letter:
        key = keys.member(snapshot.row).encode()
        scope = None
        if snapshot.trace_id is not None:
            tenant_id, run_id = keys.run_of(snapshot.row)
            attributes = {names.TENANT_ID: tenant_id, names.RUN_ID: run_id}
            span = self._telemetry.process_span(
                snapshot.record, group=self._group, trace_id=snapshot.trace_id, attributes=attributes
            )
            scope = TraceScope(snapshot.trace_id, span.context)
            span.end()
        return _Letter(key, snapshot.value, snapshot.record.partition, scope)

    async def _refusal(self, refusal: Refusal) -> None:
        record = refusal.record
        kept = aside(record, reason=refusal.reason, detail=refusal.detail, dead_at=datetime.now(UTC).isoformat())
        log.warning("record.rejected", reason=refusal.reason, topic=record.topic, offset=record.offset)
        child(REJECTED, refusal.reason).inc()
        wait = FIRST_WAIT
        while True:
            try:
                await self._publisher.publish(
                    topics.REJECTED.name, key=kept.key, value=kept.value, headers=kept.headers
                )
                return
            except (NotWritten, OutcomeUnknown) as error:
                _failed(topics.REJECTED.name, error)
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)


def _failed(topic: str, error: Exception) -> None:
    log.warning("projection.publish_failed", topic=topic, error=str(error))
