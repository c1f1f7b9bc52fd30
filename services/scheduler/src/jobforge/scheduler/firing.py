"""Reads events and requests the runs that triggers want, and only then commits."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from jobforge.chassis import conventions as names
from jobforge.chassis.commits import committed
from jobforge.chassis.logs import get_logger
from jobforge.chassis.metrics import TRIGGERS_FIRED, TRIGGERS_REFUSED, child
from jobforge.chassis.telemetry import Telemetry
from jobforge.chassis.traced import TraceScope, trace_scope
from jobforge.chassis.wire import Consumer, NotWritten, OutcomeUnknown, Partition, Publisher, Record
from jobforge.contracts.envelope import EventEnvelope
from jobforge.contracts.identity import run_id_for_key, run_key
from jobforge.contracts.inbox import OPERATORS_APP, InboxJob
from jobforge.contracts.reading import Unreadable, read
from jobforge.contracts.topics import INBOX
from jobforge.contracts.triggers import Fired, Trigger, Unmapped, job_for, wants
from jobforge.scheduler.expressions import search

GROUP = "scheduler-triggers"
OWN_INBOX = INBOX.named(OPERATORS_APP)
BACK_OFF = 1.0
"""Seconds that a partition rests after Kafka did not take a request."""
POLL = 0.5
MAX_RECORDS = 500

log = get_logger()


class Switches(Protocol):
    """Whether triggers act."""

    def acts_since(self, name: str) -> datetime | None:
        """Since when a trigger acts; None while it does not."""
        ...


class Firing(NamedTuple):
    """A request that an event makes, its bytes, and the record that the event stands in."""

    record: Record
    trigger: Trigger
    job: InboxJob
    value: bytes


class Firings:
    """A wire ``Reader`` of events. A request has the key that trigger and event name: repeated, it is the same run.

    ``limit`` is how many bytes a request may have.
    """

    def __init__(
        self,
        triggers: Sequence[Trigger],
        switches: Switches,
        publisher: Publisher,
        telemetry: Telemetry,
        *,
        limit: int,
        back_off: float = BACK_OFF,
    ) -> None:
        self._limit = limit
        self._triggers = triggers
        self._switches = switches
        self._publisher = publisher
        self._telemetry = telemetry
        self._back_off = back_off
        self._fired = Fired()
        self._held: set[Partition] = set()
        self._resting: dict[Partition, float] = {}
        self._done: dict[Partition, int] = {}
        self._working = asyncio.Lock()
        self._stopping = False

    async def assigned(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """See ``wire.Reader.assigned``."""
        self._held |= partitions

    async def revoked(self, consumer: Consumer, partitions: frozenset[Partition]) -> None:
        """See ``wire.Reader.revoked``. What is on its way arrives and is committed; the next owner reads the rest."""
        self._held -= partitions
        async with self._working:
            await self._commit(consumer)
        for partition in partitions:
            self._resting.pop(partition, None)
            self._done.pop(partition, None)

    async def drain(self, consumer: Consumer) -> None:
        """See ``wire.Reader.drain``."""
        self._stopping = True
        async with self._working:
            await self._commit(consumer)

    async def run(self, consumer: Consumer) -> None:
        """See ``wire.Reader.run``."""
        now = asyncio.get_running_loop().time
        while not self._stopping:
            rested = [partition for partition, until in self._resting.items() if until <= now()]
            for partition in rested:
                del self._resting[partition]
            consumer.resume(rested)
            batches = await consumer.poll(timeout=POLL, max_records=MAX_RECORDS)
            async with self._working:
                if not self._stopping:
                    await asyncio.gather(*(self._take(consumer, at, batch) for at, batch in batches.items()))
                    await self._commit(consumer)

    async def _take(self, consumer: Consumer, at: Partition, batch: Sequence[Record]) -> None:
        """Request what one partition's events make; what is not acknowledged is read again after a rest."""
        if at not in self._held or at in self._resting:
            return
        firings = [firing for record in batch for firing in self._wanted(record)]
        taken = await asyncio.gather(*(self._request(firing) for firing in firings))
        missed = [firing.record.offset for firing, done in zip(firings, taken, strict=True) if not done]
        self._done[at] = min(missed, default=batch[-1].offset + 1)
        if missed and at in self._held:
            log.warning("triggers.waiting", topic=at.topic, partition=at.number, offset=self._done[at])
            self._resting[at] = asyncio.get_running_loop().time() + self._back_off
            consumer.pause([at])
            consumer.seek(at, self._done[at])

    def _wanted(self, record: Record) -> Iterator[Firing]:
        acting = [(trigger, since) for trigger in self._triggers if (since := self._switches.acts_since(trigger.name))]
        if not acting:
            return
        try:
            event = read(EventEnvelope, record.value)
        except Unreadable as error:
            log.error("event.unreadable", topic=record.topic, offset=record.offset, reason=error.reason)
            return
        for trigger, since in acting:
            job = _job(trigger, event) if event.received_at >= since else None
            if job is None:
                continue
            value = job.model_dump_json().encode()
            if len(value) > self._limit:
                _refused(trigger, event, "too_large", f"the request has {len(value)} bytes: map less of the event")
            elif self._fired.loops(trigger, event):
                most = trigger.most_per_trace
                _refused(trigger, event, "loop", f"it fired {most} times in this trace: raise most_per_trace if it may")
            else:
                yield Firing(record, trigger, job, value)

    async def _request(self, firing: Firing) -> bool:
        """Publish a request; whether it is certainly written."""
        record, trigger, job, value = firing
        assert job.idempotency_key is not None
        assert job.trace_id is not None
        run_id = run_id_for_key(job.tenant_id, job.template_key, job.idempotency_key)
        attributes = {names.TENANT_ID: job.tenant_id, names.RUN_ID: str(run_id), names.TEMPLATE_KEY: job.template_key}
        span = self._telemetry.process_span(record, group=GROUP, trace_id=job.trace_id, attributes=attributes)
        trace_scope.set(TraceScope(job.trace_id, span.context if span else None))  # of this task alone
        failure = None
        try:
            await self._publisher.publish(OWN_INBOX, key=run_key(job.tenant_id, run_id), value=value)
        except (NotWritten, OutcomeUnknown) as error:
            failure = type(error).__name__
        if span:
            span.end(error=failure)
        if failure is None:
            child(TRIGGERS_FIRED, trigger.name).inc()
            log.info("trigger.fired", trigger=trigger.name, run_id=str(run_id), trace_id=job.trace_id)
        return failure is None

    async def _commit(self, consumer: Consumer) -> None:
        if self._done and await committed(consumer, dict(self._done)):
            self._done.clear()


def _job(trigger: Trigger, event: EventEnvelope) -> InboxJob | None:
    try:
        return job_for(trigger, event, search) if wants(trigger, event, search) else None
    except Unmapped as error:
        _refused(trigger, event, "unmapped", str(error))
        return None


def _refused(trigger: Trigger, event: EventEnvelope, reason: str, detail: str) -> None:
    child(TRIGGERS_REFUSED, trigger.name, reason).inc()
    log.error(
        "trigger.refused",
        trigger=trigger.name,
        reason=reason,
        detail=detail,
        event_id=str(event.event_id),
        trace_id=event.trace_id,
    )
