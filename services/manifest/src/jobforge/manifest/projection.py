"""How records become state: the fold of a run's records, the manifest it ends in, and the job that everybody sees."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from jobforge.contracts.base import Instant, Sha256, Value
from jobforge.contracts.jobs import Job, JobError, JobRequested, JobStatus, Progress, RequestedBy
from jobforge.contracts.manifest import RunManifest
from jobforge.contracts.runs import (
    Outcome,
    RequestSnapshot,
    RunCancelRequested,
    RunProgressed,
    RunRecord,
    RunStarted,
)
from jobforge.manifest.sealing import Start, seal

MAX_STARTS = 32
"""Starts that a row remembers; a run that starts more often than this keeps its first ones."""
MAX_CHANGES = 64


class Request(Value):
    """What the view keeps of a request: all but its inputs, which only a worker knows how to redact."""

    project_id: str | None = None
    template_key: str
    template_version: str
    trace_id: str
    dry_run: bool = False
    requested_by: RequestedBy = RequestedBy()
    replay_of: UUID | None = None
    max_attempts: int = 1
    requested_at: Instant
    body_digest: Sha256 | None = None


class Change(Value):
    """One step of a run's status, and where in ``jobforge.runs`` it was taken."""

    offset: int
    status: JobStatus
    attempt: int


class End(Value):
    """How a run ended: the first terminal record in the log."""

    offset: int
    request: Request | None
    started_at: Instant | None
    finished_at: Instant
    error: JobError | None = None
    digest: Sha256


class RunState(Value):
    """What ``jobforge.runs`` says about one run, up to some offset."""

    offset: int = -1
    """Of the last record that changed anything."""
    status: JobStatus | None = None
    """None until an attempt starts."""
    attempt: int = 0
    starts: tuple[Start, ...] = ()
    progress: Progress | None = None
    cancel_requested: bool = False
    changes: tuple[Change, ...] = ()
    end: End | None = None
    duplicates: int = 0


NOTHING = RunState()


class Folded(NamedTuple):
    """A run after one more record; ``manifest`` is there when that record ended it."""

    state: RunState
    manifest: RunManifest | None = None


def request_of(record: JobRequested) -> Request:
    """The part of an accepted request that a row shows."""
    return Request(
        project_id=record.project_id,
        template_key=record.template_key,
        template_version=record.template_version,
        trace_id=record.trace_id,
        dry_run=record.dry_run,
        requested_by=record.requested_by,
        replay_of=record.replay_of,
        max_attempts=record.attempts,
        requested_at=record.requested_at,
        body_digest=record.body_digest,
    )


def fold(state: RunState, record: RunRecord, offset: int) -> Folded:
    """The run after ``record``. The first terminal record ends it; later ones are only counted, others do nothing."""
    if state.end is not None:
        if not isinstance(record, Outcome):
            return Folded(state)
        return Folded(state.model_copy(update={"duplicates": state.duplicates + 1}))
    match record:
        case RunStarted():
            return Folded(_started(state, record, offset))
        case RunProgressed():
            return Folded(_progressed(state, record, offset))
        case RunCancelRequested():
            return Folded(state.model_copy(update={"cancel_requested": True, "offset": offset}))
        case Outcome():
            return _ended(state, record, offset)
    return Folded(state)


def merged(
    tenant_id: str, run_id: UUID, request: Request | None, run: RunState | None, as_of: str | None = None
) -> Job | None:
    """The job, from what two topics say of it in whatever order they were read; None while nobody asked for it.

    A request to cancel alone does not make a job.
    """
    run = run or NOTHING
    asked = request or (run.end.request if run.end else None)
    if asked is None and run.status is None:
        return None
    end = run.end
    first = run.starts[0].started_at if run.starts else None
    return Job(
        id=run_id,
        tenant_id=tenant_id,
        status=run.status or "queued",
        attempt=run.attempt,
        progress=run.progress,
        error=end.error if end else None,
        cancel_requested=run.cancel_requested,
        started_at=first or (end.started_at if end else None),
        finished_at=end.finished_at if end else None,
        as_of=as_of,
        **_asked(asked),
    )


def history(job: Job, run: RunState | None, after: int) -> list[tuple[int, Job]]:
    """The job at each change of its status later than offset ``after``, oldest first, and last as it is now.

    Offset -1 stands for the acceptance; steps before the newest one show no more than was known when they were taken.
    """
    run = run or NOTHING
    blank: dict[str, Any] = {"progress": None, "error": None, "finished_at": None}
    steps = [(-1, job.model_copy(update={**blank, "status": "queued", "attempt": 0, "started_at": None}))]
    steps += [
        (change.offset, job.model_copy(update={**blank, "status": change.status, "attempt": change.attempt}))
        for change in run.changes
    ]
    current = max(run.offset, -1)
    earlier = [step for step in steps if after < step[0] < current]
    return [*earlier, (current, job)] if current > after else earlier


def pending_manifest(job: Job) -> RunManifest:
    """The manifest of an unfinished run: what is known, and no digest. Inputs come with the end, redacted."""
    return RunManifest.model_validate(
        {
            **job.model_dump(include={"tenant_id", "project_id", "template_key", "template_version", "dry_run"}),
            "run_id": job.id,
            "status": "pending",
            "replay_of": job.replay_of,
            "requested_by": job.requested_by,
            "timings": {"requested_at": job.created_at},
            "trace": {"trace_id": job.trace_id},
        }
    )


def job_of_manifest(manifest: RunManifest, as_of: str | None) -> Job:
    """The job that an archived manifest tells of, when the view has let its row go."""
    canceled = manifest.error is not None and manifest.error.code == "job.canceled"
    failed: JobStatus = "canceled" if canceled else "failed"
    last = manifest.attempts[-1] if manifest.attempts else None
    return Job(
        id=manifest.run_id,
        tenant_id=manifest.tenant_id,
        project_id=manifest.project_id,
        template_key=manifest.template_key,
        template_version=manifest.template_version,
        status="succeeded" if manifest.status == "complete" else failed,
        attempt=last.number if last else 0,
        max_attempts=max((attempt.number for attempt in manifest.attempts), default=1),
        error=manifest.error,
        trace_id=manifest.trace.trace_id,
        dry_run=manifest.dry_run,
        requested_by=manifest.requested_by,
        replay_of=manifest.replay_of,
        created_at=manifest.timings.requested_at,
        started_at=manifest.attempts[0].started_at if manifest.attempts else None,
        finished_at=manifest.timings.finished_at,
        as_of=as_of,
    )


def _asked(asked: Request | None) -> Mapping[str, Any]:
    if asked is None:
        return {"template_key": None}
    return {
        "project_id": asked.project_id,
        "template_key": asked.template_key,
        "template_version": asked.template_version,
        "max_attempts": asked.max_attempts,
        "trace_id": asked.trace_id,
        "dry_run": asked.dry_run,
        "requested_by": asked.requested_by,
        "replay_of": asked.replay_of,
        "created_at": asked.requested_at,
    }


def _started(state: RunState, record: RunStarted, offset: int) -> RunState:
    if any(start.claim == record.claim and start.number == record.attempt for start in state.starts):
        return state
    start = Start(number=record.attempt, claim=record.claim, worker=record.worker, started_at=record.started_at)
    attempt = max(state.attempt, record.attempt)
    update: dict[str, Any] = {
        "offset": offset,
        "status": "running",
        "attempt": attempt,
        "starts": (*state.starts, start)[:MAX_STARTS],
        "progress": None,
        "changes": _changes(state, offset, "running", attempt),
    }
    return state.model_copy(update=update)


def _progressed(state: RunState, record: RunProgressed, offset: int) -> RunState:
    if record.attempt < state.attempt:
        return state
    return state.model_copy(
        update={
            "offset": offset,
            "status": "running",
            "attempt": record.attempt,
            "progress": record.progress,
            "changes": _changes(state, offset, "running", record.attempt),
        }
    )


def _ended(state: RunState, record: Outcome, offset: int) -> Folded:
    manifest = seal(record, state.starts)
    status: JobStatus = "succeeded" if manifest.status == "complete" else "failed"
    if manifest.error is not None and manifest.error.code == "job.canceled":
        status = "canceled"
    assert manifest.digest is not None
    end = End(
        offset=offset,
        request=_request_of_snapshot(record.request) if record.request else None,
        started_at=record.started_at,
        finished_at=record.finished_at,
        error=manifest.error,
        digest=manifest.digest,
    )
    attempt = max(state.attempt, record.attempt)
    done = Progress(fraction=1.0, message=state.progress.message if state.progress else None)
    update: dict[str, Any] = {
        "offset": offset,
        "status": status,
        "attempt": attempt,
        "progress": done if status == "succeeded" else state.progress,
        "changes": _changes(state, offset, status, attempt),
        "end": end,
    }
    return Folded(state.model_copy(update=update), manifest)


def _request_of_snapshot(snapshot: RequestSnapshot) -> Request:
    fields = {name: getattr(snapshot, name) for name in Request.model_fields if name != "body_digest"}
    return Request(**fields)


def _changes(state: RunState, offset: int, status: JobStatus, attempt: int) -> tuple[Change, ...]:
    last = state.changes[-1] if state.changes else None
    if last is not None and last.status == status and last.attempt == attempt:
        return state.changes
    return (*state.changes, Change(offset=offset, status=status, attempt=attempt))[-MAX_CHANGES:]
