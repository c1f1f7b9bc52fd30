"""From bytes to an acknowledged record: what both doors do with what they are given."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple
from uuid import UUID, uuid4

from jobforge.chassis.settings import Settings
from jobforge.chassis.spans import SpanContext, TraceScope, trace_scope
from jobforge.chassis.telemetry import Telemetry
from jobforge.chassis.wire import NotWritten, OutcomeUnknown, Position, Publisher, TooLargeToWrite
from jobforge.contracts.envelope import EventSubmission
from jobforge.contracts.identity import key_made_at, run_id_for_key
from jobforge.contracts.jobs import JobRequested, JobSubmission
from jobforge.contracts.topics import MAX_JOB_BYTES
from jobforge.ingestion.admission import admit_event, admit_job
from jobforge.ingestion.catalog import Catalog
from jobforge.ingestion.outgoing import Outgoing, cancellation, event_record, job_record, requested
from jobforge.ingestion.recall import Recall, Recalled
from jobforge.ingestion.refusal import Refusal
from jobforge.ingestion.replies import Reply, accepted, receipt

Failure = NotWritten | OutcomeUnknown
Links = tuple[SpanContext, ...]


class Outcome(NamedTuple):
    """What became of one event of a batch: its id or why not."""

    event_id: UUID | None
    refusal: Refusal | None


class RunName(NamedTuple):
    """A run's id, and when the key that names it was made at the earliest (None: at any time)."""

    run_id: UUID
    made_at: datetime | None


class Intake:
    """Takes events, job requests and cancellations; returns only after Kafka's acknowledgement."""

    def __init__(
        self,
        *,
        settings: Settings,
        catalog: Catalog,
        publisher: Publisher,
        recall: Recall,
        telemetry: Telemetry,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._limit = settings.max_record_bytes
        self._partitions = settings.partitions
        self._timeout = settings.publish_timeout
        self._catalog = catalog
        self._publisher = publisher
        self._recall = recall
        self._telemetry = telemetry
        self._clock = clock
        self._spare_id: UUID | None = None

    async def accept_event(self, body: bytes, *, links: Links = ()) -> bytes:
        """One event, its send span linked to the caller's spans: ``EventReceipt`` as JSON; raises ``Refusal``."""
        self._catalog.check_events_open()
        submission = admit_event(body, limit=self._limit)
        event_id = submission.event_id or self._new_id()
        reply = Reply(partial(receipt, event_id, submission.trace_id))
        return reply.at(await self._publish_rooted(self.event(submission, event_id), links, reply))

    async def accept_events(self, bodies: Sequence[bytes]) -> list[Outcome]:
        """Many events, each for itself and in order; raises ``Refusal`` only while events are off."""
        self._catalog.check_events_open()
        admitted = [self._admit_one(body) for body in bodies]
        await self.root([found[1] for found in admitted if not isinstance(found, Refusal)])
        good = [found for found in admitted if not isinstance(found, Refusal)]
        failures = iter(await self.publish_all([(record, None) for _, record in good]))
        return [
            Outcome(None, found) if isinstance(found, Refusal) else _outcome(*found, next(failures))
            for found in admitted
        ]

    async def accept_job(self, body: bytes, *, idempotency_key: str | None, links: Links = ()) -> bytes:
        """One job request, its send span linked to the caller's spans: ``JobAccepted`` as JSON; raises ``Refusal``."""
        submission = admit_job(body, limit=self._limit)
        if submission.source_app is not None:
            self._catalog.check_app(submission.source_app, trace_id=submission.trace_id)
        if idempotency_key is None:
            job, record = self.job(submission, RunName(self._new_id(), self._clock()))
            reply = Reply(partial(accepted, job))
            position = await self._publish_rooted(record, links, reply)
        else:
            run_id = run_id_for_key(submission.tenant_id, submission.template_key, idempotency_key)
            job, record = self.job(submission, RunName(run_id, key_made_at(idempotency_key)))
            if await self.root([record], keyed=[job]):
                raise conflict(job)
            reply = Reply(partial(accepted, job))
            position = await self._publish(record, links)
        return reply.at(position)

    async def cancel(self, tenant_id: str, run_id: UUID, *, actor_id: str | None) -> Position:
        """Keep the wish to cancel a run, whether the run is known yet or not; raises ``Refusal``."""
        wish = cancellation(tenant_id, run_id, actor_id=actor_id, at=self._clock(), partitions=self._partitions)
        return await self._publish(wish)

    def event(self, submission: EventSubmission, event_id: UUID) -> Outgoing:
        """The record of an admitted event; raises ``Refusal``."""
        self._catalog.check_app(submission.source_app, trace_id=submission.trace_id)
        return event_record(submission, event_id=event_id, received_at=self._clock(), partitions=self._partitions)

    def job(self, submission: JobSubmission, name: RunName) -> tuple[JobRequested, Outgoing]:
        """The job that an admitted request becomes, and its record; raises ``Refusal``."""
        template = self._catalog.check_job(submission)
        job = requested(submission, template, run_id=name.run_id, key_made_at=name.made_at, requested_at=self._clock())
        record = job_record(job, partitions=self._partitions, lane=template.lane)
        if len(record.value or b"") > MAX_JOB_BYTES:
            raise unwritten(TooLargeToWrite(record.topic), submission.trace_id)
        return job, record

    async def root(self, records: Iterable[Outgoing], *, keyed: Sequence[JobRequested] = ()) -> frozenset[UUID]:
        """See to the root spans of new traces; the runs whose key came with another body before.

        Only keys are waited for: a root span may well be emitted after the first record that descends from it.
        """
        firsts: dict[str, Outgoing] = {}
        for record in records:
            if record.trace_id:
                firsts.setdefault(record.trace_id, record)

        if not keyed:
            self._tell_roots(firsts)
            return frozenset()
        recalled = await self._recall.ask(bodies={job.run_id: job.body_digest for job in keyed}, traces=firsts)
        self._emit_roots(firsts, recalled)
        return recalled.other

    def _tell_roots(self, firsts: Mapping[str, Outgoing]) -> None:
        self._recall.tell(firsts, partial(self._emit_roots, firsts))

    def _emit_roots(self, firsts: Mapping[str, Outgoing], recalled: Recalled) -> None:
        for trace_id in recalled.new:
            self._telemetry.root_span(trace_id, firsts[trace_id].attributes)

    async def publish_all(self, records: Sequence[tuple[Outgoing, SpanContext | None]]) -> list[Failure | None]:
        """Publish records in order, each under its parent span; for each why it may not be written, or None.

        After the first that cannot be handed over the rest are not tried, unless it is only too large.
        """
        handed: list[asyncio.Future[Position] | NotWritten] = []
        down: NotWritten | None = None
        for record, parent in records:
            if down is None:
                try:
                    handed.append(asyncio.ensure_future(await self._send(record, parent)))
                    continue
                except TooLargeToWrite as error:
                    handed.append(error)
                    continue
                except NotWritten as error:
                    down = error
            handed.append(down)
        waiting = [one for one in handed if isinstance(one, asyncio.Future)]
        if waiting:
            await asyncio.wait(waiting, timeout=self._timeout)
        return [one if isinstance(one, NotWritten) else _failure(one) for one in handed]

    async def _publish_rooted(self, record: Outgoing, links: Links, reply: Reply) -> Position:
        """Publish; what else there is to do is done while the record is on its way, since the caller waits for that."""
        asyncio.get_running_loop().call_soon(self._meanwhile, record, reply)
        return await self._publish(record, links)

    def _new_id(self) -> UUID:
        """An id, if there is one made while nobody waited for it."""
        spare, self._spare_id = self._spare_id, None
        return spare or uuid4()

    def _meanwhile(self, record: Outgoing, reply: Reply) -> None:
        self._spare_id = self._spare_id or uuid4()
        reply.prepare()
        self._tell_roots({record.trace_id: record} if record.trace_id else {})

    async def _publish(self, record: Outgoing, links: Links = ()) -> Position:
        token = trace_scope.set(_scope(record, None, links))
        try:
            return await self._publisher.publish(
                record.topic,
                key=record.key,
                value=record.value,
                headers=record.headers,
                partition=record.partition,
            )
        except (NotWritten, OutcomeUnknown) as error:
            raise unwritten(error, record.trace_id) from error
        finally:
            trace_scope.reset(token)

    def _admit_one(self, body: bytes) -> Refusal | tuple[UUID, Outgoing]:
        try:
            submission = admit_event(body, limit=self._limit)
            event_id = submission.event_id or uuid4()
            return event_id, self.event(submission, event_id)
        except Refusal as refusal:
            return refusal

    async def _send(self, record: Outgoing, parent: SpanContext | None) -> Awaitable[Position]:
        token = trace_scope.set(_scope(record, parent, ()))
        try:
            async with asyncio.timeout(self._timeout):
                return await self._publisher.send(
                    record.topic,
                    key=record.key,
                    value=record.value,
                    headers=record.headers,
                    partition=record.partition,
                )
        except TimeoutError as error:
            raise NotWritten(f"{record.topic}: Kafka was not reached") from error
        finally:
            trace_scope.reset(token)


def _failure(handed: "asyncio.Future[Position]") -> Failure | None:
    if not handed.done():
        handed.cancel()
        return OutcomeUnknown("no acknowledgement in time")
    error = handed.exception()
    if error is None or isinstance(error, NotWritten | OutcomeUnknown):
        return error
    raise error


def _outcome(event_id: UUID, record: Outgoing, failure: Failure | None) -> Outcome:
    return Outcome(event_id, unwritten(failure, record.trace_id) if failure else None)


def _scope(record: Outgoing, parent: SpanContext | None, links: Links) -> TraceScope | None:
    return TraceScope(record.trace_id, parent, links) if record.trace_id else None


def unwritten(error: Failure, trace_id: str | None) -> Refusal:
    """The 503 for a record that Kafka did not acknowledge, and the 413 for one that it never will."""
    if isinstance(error, TooLargeToWrite):
        return Refusal(
            413,
            "request.too_large",
            "What would be written for this request is larger than Kafka takes: redaction and the way numbers are "
            "written can make it larger than it came. Upload large content with "
            "PUT /v1/objects/{kind}/{object_id} and send its id.",
            trace_id=trace_id,
        )
    if isinstance(error, OutcomeUnknown):
        return Refusal(
            503,
            "kafka.outcome_unknown",
            "Kafka did not acknowledge in time, and the record may have been written: repeat it with the same "
            "Idempotency-Key (a job) or event_id (an event).",
            trace_id=trace_id,
            outcome="unknown",
        )
    return Refusal(
        503, "kafka.unavailable", "Kafka cannot be reached; nothing was written: try again.", trace_id=trace_id
    )


def conflict(job: JobRequested) -> Refusal:
    """The 409 for a key that names a run with another body."""
    return Refusal(
        409,
        "idempotency.conflict",
        f"This Idempotency-Key names run {job.run_id}, which was requested with another body: use a new key for a "
        "new request.",
        trace_id=job.trace_id,
    )
