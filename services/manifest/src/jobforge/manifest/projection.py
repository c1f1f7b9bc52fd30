"""How records become state: the fold of a run's records, and the manifest it ends in."""

from typing import NamedTuple

from jobforge.contracts.jobs import JobRequested, JobStatus, Progress
from jobforge.contracts.manifest import RunManifest
from jobforge.contracts.restoring import unseal
from jobforge.contracts.runs import (
    Outcome,
    RequestSnapshot,
    RunCancelRequested,
    RunProgressed,
    RunRecord,
    RunRestored,
    RunRetrying,
    RunStarted,
)
from jobforge.manifest.sealing import seal
from jobforge.manifest.showing import job_of_manifest
from jobforge.manifest.states import NOTHING, Change, End, Request, RunState, Start

__all__ = ["NOTHING", "Folded", "begun_again", "fold", "is_terminal", "moved", "request_of"]

MAX_STARTS = 64
"""Starts that a row remembers; a run that starts more often than this keeps its first ones."""
MAX_CHANGES = 64
SLOW = ".slow"
WHOLE = Progress(fraction=1.0)


class Folded(NamedTuple):
    """A run after one more record; ``manifest`` is there, as JSON, when that record ended it."""

    state: RunState
    manifest: bytes | None = None


def request_of(record: JobRequested, topic: str | None = None, offset: int | None = None) -> Request:
    """The part of an accepted request that a row shows, and where its record stands."""
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
        start_by=record.start_by,
        body_digest=record.body_digest,
        topic=topic,
        offset=offset,
    )


def moved(known: Request, topic: str, offset: int) -> Request | None:
    """The request when a worker moved it on to a slow lane, where it waits from now on; otherwise None.

    Whichever of the two records is read first, the row ends up saying the slow one.
    """
    if not topic.endswith(SLOW) or known.topic is None or known.topic.endswith(SLOW):
        return None
    return known._replace(topic=topic, offset=offset)


def is_terminal(record: RunRecord) -> bool:
    """Whether this record would end a run that has not ended."""
    return isinstance(record, Outcome | RunRestored)


def begun_again(state: RunState) -> int:
    """How often the newest attempt has begun without any outcome."""
    if state.end is not None:
        return 0
    own = [start for start in state.starts if start.number == state.attempt]
    return 0 if any(start.error for start in own) else len(own)


def fold(state: RunState, record: RunRecord, offset: int) -> Folded:
    """The run after ``record``. The first terminal record ends it; later ones are only counted, others do nothing.

    Raises ``NotRestorable`` for a ``RunRestored`` that ``restoring.unseal`` refuses.
    """
    if state.end is not None:
        return Folded(state._replace(duplicates=state.duplicates + 1) if is_terminal(record) else state)
    match record:
        case RunStarted():
            return Folded(_started(state, record, offset))
        case Outcome():
            return _ended(state, record, offset)
        case RunProgressed():
            return Folded(_progressed(state, record, offset))
        case RunRetrying():
            return Folded(_retrying(state, record, offset))
        case RunCancelRequested():
            return Folded(state if state.cancel_requested else state._replace(cancel_requested=True, offset=offset))
        case RunRestored():
            return _restored(state, record, offset)
    return Folded(state)


def _started(state: RunState, record: RunStarted, offset: int) -> RunState:
    if _find(state, record.attempt, record.claim) is not None:
        return state
    start = Start(record.attempt, record.claim, record.worker, record.started_at, record.deadline)
    starts = (*state.starts, start)[:MAX_STARTS]
    if _is_over(state, record.attempt):
        return state._replace(starts=starts)
    return RunState(
        offset=offset,
        status="running",
        attempt=record.attempt,
        starts=starts,
        cancel_requested=state.cancel_requested,
        changes=_changes(state, offset, "running", record.attempt),
    )


def _progressed(state: RunState, record: RunProgressed, offset: int) -> RunState:
    if _is_over(state, record.attempt):
        return state
    return state._replace(
        offset=offset,
        status="running",
        attempt=record.attempt,
        progress=record.progress,
        changes=_changes(state, offset, "running", record.attempt),
    )


def _retrying(state: RunState, record: RunRetrying, offset: int) -> RunState:
    known = _find(state, record.attempt, record.claim)
    if known is not None and known.error is not None:
        return state
    tried = Start(
        record.attempt,
        record.claim,
        record.worker,
        record.started_at,
        known.deadline if known else None,
        record.finished_at,
        record.error.model_copy(update={"cause": None}),  # which may hold what JSON cannot carry
    )
    starts = tuple(tried if start is known else start for start in state.starts)
    if known is None:
        starts = (*starts, tried)[:MAX_STARTS]
    if record.attempt < state.attempt:
        return state._replace(starts=starts)
    return state._replace(
        offset=offset,
        status="retrying",
        attempt=record.attempt,
        starts=starts,
        progress=None,
        changes=_changes(state, offset, "retrying", record.attempt),
    )


def _ended(state: RunState, record: Outcome, offset: int) -> Folded:
    sealed = seal(record, state.starts)
    status: JobStatus = "succeeded" if sealed.complete else "failed"
    if sealed.error is not None and sealed.error.code == "job.canceled":
        status = "canceled"
    end = End(
        offset=offset,
        request=_request_of_snapshot(record.request) if record.request else None,
        started_at=record.started_at,
        finished_at=record.finished_at,
        error=sealed.error,
        digest=sealed.digest,
    )
    attempt = max(state.attempt, record.attempt)
    ended = RunState(
        offset=offset,
        status=status,
        attempt=attempt,
        starts=state.starts,
        progress=_all_of(state.progress) if status == "succeeded" else state.progress,
        cancel_requested=state.cancel_requested,
        changes=_changes(state, offset, status, attempt),
        end=end,
    )
    return Folded(ended, sealed.value)


def _all_of(progress: Progress | None) -> Progress:
    return WHOLE if progress is None else Progress(fraction=1.0, message=progress.message)


def _restored(state: RunState, record: RunRestored, offset: int) -> Folded:
    """Everything as the archive tells it: what began since then was for nothing."""
    manifest, value = unseal(record)
    job = job_of_manifest(manifest, None)
    end = End(
        offset=offset,
        request=_request_of_manifest(manifest, job.max_attempts),
        started_at=job.started_at,
        finished_at=job.finished_at,
        error=job.error,
        digest=manifest.digest or "",
    )
    attempt = max(state.attempt, job.attempt)
    ended = RunState(
        offset=offset,
        status=job.status,
        attempt=attempt,
        progress=job.progress,
        cancel_requested=state.cancel_requested,
        changes=_changes(state, offset, job.status, attempt),
        end=end,
    )
    return Folded(ended, value)


def _find(state: RunState, number: int, claim: str) -> Start | None:
    for start in state.starts:
        if start.number == number and start.claim == claim:
            return start
    return None


def _is_over(state: RunState, attempt: int) -> bool:
    """Whether the run is past this attempt, so that a late word of it moves nothing back."""
    return attempt < state.attempt or (attempt == state.attempt and state.status == "retrying")


def _request_of_snapshot(snapshot: RequestSnapshot) -> Request:
    return Request(
        project_id=snapshot.project_id,
        template_key=snapshot.template_key,
        template_version=snapshot.template_version,
        trace_id=snapshot.trace_id,
        dry_run=snapshot.dry_run,
        requested_by=snapshot.requested_by,
        replay_of=snapshot.replay_of,
        max_attempts=snapshot.max_attempts,
        requested_at=snapshot.requested_at,
    )


def _request_of_manifest(manifest: RunManifest, max_attempts: int) -> Request | None:
    """None when the request itself was unreadable."""
    if manifest.template_key is None or manifest.timings.requested_at is None:
        return None
    return Request(
        project_id=manifest.project_id,
        template_key=manifest.template_key,
        template_version=manifest.template_version or "",
        trace_id=manifest.trace.trace_id or "",
        dry_run=manifest.dry_run,
        requested_by=manifest.requested_by,
        replay_of=manifest.replay_of,
        max_attempts=max_attempts,
        requested_at=manifest.timings.requested_at,
    )


def _changes(state: RunState, offset: int, status: JobStatus, attempt: int) -> tuple[Change, ...]:
    last = state.changes[-1] if state.changes else None
    if last is not None and last.status == status and last.attempt == attempt:
        return state.changes
    return (*state.changes, Change(offset, status, attempt))[-MAX_CHANGES:]
