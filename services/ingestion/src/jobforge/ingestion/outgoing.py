"""The records that accepted events and job requests become."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Literal, NamedTuple
from uuid import UUID

from jobforge.chassis import conventions as names
from jobforge.chassis.wire import Headers, Record
from jobforge.contracts import topics
from jobforge.contracts.base import unchecked
from jobforge.contracts.control import TemplateAnnounced
from jobforge.contracts.dead_letter import aside
from jobforge.contracts.envelope import EventEnvelope, EventSubject, EventSubmission
from jobforge.contracts.identity import body_digest, domain_of, event_key, id_text, partition_of, run_key
from jobforge.contracts.inbox import InboxJob
from jobforge.contracts.jobs import Job, JobRequested, JobSubmission, RequestedBy
from jobforge.contracts.runs import RunCancelRequested
from jobforge.ingestion.redaction import redact
from jobforge.ingestion.refusal import Refusal

Lane = Literal["fast", "slow"]

_job_requested, _job = unchecked(JobRequested), unchecked(Job)


class Outgoing(NamedTuple):
    """A record to publish. ``attributes`` describe the trace's root span, should this be its first record."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    trace_id: str | None = None
    """None for a record that belongs to no trace known here."""
    attributes: Mapping[str, str] = MappingProxyType({})
    headers: Headers = ()


def event_record(submission: EventSubmission, *, event_id: UUID, received_at: datetime, partitions: int) -> Outgoing:
    """The accepted event, redacted where it says so."""
    subject = submission.subject
    envelope = EventEnvelope(
        event_id=event_id,
        tenant_id=submission.tenant_id,
        project_id=submission.project_id,
        event_type=submission.event_type,
        trace_id=submission.trace_id,
        source_app=submission.source_app,
        source_module=submission.source_module,
        subject=EventSubject(type=subject.type, id=subject.id) if subject else None,
        payload=redact(submission.payload, contains_pii=submission.contains_pii, hints=submission.redaction_hints),
        contains_pii=submission.contains_pii,
        redaction_hints=submission.redaction_hints,
        occurred_at=submission.occurred_at or received_at,
        received_at=received_at,
    )
    key = event_key(submission.source_app, submission.tenant_id, subject.id if subject else None, submission.trace_id)
    return Outgoing(
        topic=topics.EVENTS.named(submission.source_app),
        partition=partition_of(key, partitions),
        key=key,
        value=envelope.to_bytes(),
        trace_id=submission.trace_id,
        attributes={names.TENANT_ID: submission.tenant_id, names.EVENT_ID: str(event_id)},
    )


def requested(
    submission: JobSubmission,
    template: TemplateAnnounced,
    *,
    run_id: UUID,
    requested_at: datetime,
    key_made_at: datetime | None,
) -> JobRequested:
    """The accepted request; a run without a trace id gets one that its id names."""
    replay = submission if isinstance(submission, InboxJob) else None
    within = submission.start_within
    return _job_requested(
        run_id=run_id,
        tenant_id=submission.tenant_id,
        project_id=submission.project_id,
        template_key=submission.template_key,
        template_version=template.version,
        inputs=submission.inputs,
        body_digest=body_digest(
            submission.tenant_id,
            submission.project_id,
            submission.template_key,
            submission.inputs,
            submission.dry_run,
        ),
        trace_id=submission.trace_id or f"trace_{id_text(run_id)}",
        dry_run=submission.dry_run,
        requested_by=_requested_by(submission.actor_id, submission.source_app),
        replay_of=replay.replay_of if replay else None,
        root_run_id=replay.root_run_id if replay else None,
        attempts=template.attempts,
        key_made_at=key_made_at,
        start_by=None if within is None else requested_at + timedelta(seconds=within),
        requested_at=requested_at,
    )


@lru_cache(maxsize=1024)
def _requested_by(actor_id: str | None, source_app: str | None) -> RequestedBy:
    """Few ask often."""
    return RequestedBy(actor_id=actor_id, source_app=source_app)


def job_record(job: JobRequested, *, partitions: int, lane: Lane = "fast") -> Outgoing:
    """The record that is the job; a long template's stands in the lane that has slots of its own."""
    key = run_key(job.tenant_id, job.run_id)
    topic = topics.SLOW_JOBS if lane == "slow" else topics.JOBS
    return Outgoing(
        topic=topic.named(domain_of(job.template_key)),
        partition=partition_of(key, partitions),
        key=key,
        value=job.to_bytes(),
        trace_id=job.trace_id,
        attributes={
            names.TENANT_ID: job.tenant_id,
            names.RUN_ID: id_text(job.run_id),
            names.TEMPLATE_KEY: job.template_key,
        },
    )


def queued_job(job: JobRequested, *, as_of: str) -> Job:
    """The job as it is right after its record was acknowledged."""
    return _job(
        id=job.run_id,
        tenant_id=job.tenant_id,
        project_id=job.project_id,
        template_key=job.template_key,
        template_version=job.template_version,
        status="queued",
        max_attempts=job.attempts,
        trace_id=job.trace_id,
        dry_run=job.dry_run,
        requested_by=job.requested_by,
        replay_of=job.replay_of,
        created_at=job.requested_at,
        as_of=as_of,
    )


def cancellation(tenant_id: str, run_id: UUID, *, actor_id: str | None, at: datetime, partitions: int) -> Outgoing:
    """The wish to cancel a run, in the order of its other records. It belongs to no trace: none is known here."""
    key = run_key(tenant_id, run_id)
    wish = RunCancelRequested(run_id=run_id, tenant_id=tenant_id, actor_id=actor_id, at=at)
    return Outgoing(
        topic=topics.RUNS.name,
        partition=partition_of(key, partitions),
        key=key,
        value=wish.to_bytes(),
    )


def rejected_record(record: Record, refusal: Refusal, *, at: datetime) -> Outgoing:
    """What is set aside: key, value and headers as they came, and headers that say why; see ``dead_letter.aside``."""
    kept = aside(record, reason=refusal.code, detail=refusal.detail, dead_at=at.isoformat())
    return Outgoing(topic=topics.REJECTED.name, partition=0, key=kept.key, value=kept.value, headers=kept.headers)
