"""What the projection still has to publish, and how far the group may commit: never past what is not acknowledged."""

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jobforge.chassis import conventions as names
from jobforge.chassis.logs import get_logger
from jobforge.chassis.metrics import REJECTED, child
from jobforge.chassis.telemetry import Telemetry, TraceScope, trace_scope
from jobforge.chassis.wire import Consumer, Headers, NotAssigned, NotWritten, OutcomeUnknown, Partition, Publisher
from jobforge.contracts import topics
from jobforge.contracts.dead_letter import dead_letter_headers
from jobforge.contracts.identity import partition_of
from jobforge.manifest import keys
from jobforge.manifest.batches import Refusal, Snapshot

OUTSTANDING = 5_000
"""Records that may wait for their acknowledgement before the projection waits as well."""
FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0
"""Seconds between tries of one record."""

log = get_logger()


@dataclass(slots=True)
class _Mark:
    """Everything before ``after`` is published once ``waiting`` is 0."""

    after: int
    waiting: int


class Outbox:
    """Publishes in the background, repeats what fails until it is acknowledged, and commits low watermarks."""

    def __init__(self, publisher: Publisher, telemetry: Telemetry, *, group: str, partitions: int) -> None:
        self._publisher = publisher
        self._telemetry = telemetry
        self._group = group
        self._partitions = partitions
        self._marks: dict[Partition, deque[_Mark]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._fewer = asyncio.Event()

    async def put(self, partition: Partition, after: int, what: Iterable[Snapshot | Refusal]) -> None:
        """Publish these; ``after`` is the offset the group may commit when they are acknowledged."""
        mark = _Mark(after, 0)
        self._marks.setdefault(partition, deque()).append(mark)
        for item in what:
            mark.waiting += 1
            delivery = self._snapshot(item) if isinstance(item, Snapshot) else self._refusal(item)
            self._start(delivery, mark)
        while len(self._tasks) > OUTSTANDING:
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
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=timeout)
            for task in late:
                task.cancel()

    def _start(self, delivery: Coroutine[Any, Any, None], mark: _Mark) -> None:
        task = asyncio.create_task(delivery)
        self._tasks.add(task)

        def done(finished: asyncio.Task[None]) -> None:
            self._tasks.discard(finished)
            self._fewer.set()
            if not finished.cancelled() and finished.exception() is None:
                mark.waiting -= 1

        task.add_done_callback(done)

    async def _snapshot(self, snapshot: Snapshot) -> None:
        key = keys.member(snapshot.row).encode()
        if snapshot.trace_id is not None:
            tenant_id, run_id = keys.run_of(snapshot.row)
            attributes = {names.TENANT_ID: tenant_id, names.RUN_ID: run_id}
            span = self._telemetry.process_span(
                snapshot.record, group=self._group, trace_id=snapshot.trace_id, attributes=attributes
            )
            trace_scope.set(TraceScope(snapshot.trace_id, span.context))
            span.end()
        await self._deliver(
            topics.MANIFESTS.name,
            key=key,
            value=snapshot.value,
            headers=(),
            partition=partition_of(key, self._partitions),
        )

    async def _refusal(self, refusal: Refusal) -> None:
        record = refusal.record
        headers = dead_letter_headers(
            record.headers,
            reason=refusal.reason,
            detail=refusal.detail,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            timestamp=record.timestamp,
            dead_at=datetime.now(UTC).isoformat(),
        )
        log.warning("record.rejected", reason=refusal.reason, topic=record.topic, offset=record.offset)
        child(REJECTED, refusal.reason).inc()
        await self._deliver(topics.REJECTED.name, key=record.key, value=record.value, headers=headers, partition=None)

    async def _deliver(
        self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers, partition: int | None
    ) -> None:
        wait = FIRST_WAIT
        while True:
            try:
                await self._publisher.publish(topic, key=key, value=value, headers=headers, partition=partition)
                return
            except (NotWritten, OutcomeUnknown) as error:
                log.warning("projection.publish_failed", topic=topic, error=str(error))
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)
