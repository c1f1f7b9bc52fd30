"""The job that everybody sees, from what the view keeps of a run or from the manifest it ended in."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from jobforge.contracts.jobs import Job, JobStatus, Progress
from jobforge.contracts.manifest import RunManifest
from jobforge.manifest.sealing import instant
from jobforge.manifest.states import NOBODY, NOTHING, Request, RunState


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


def job_json(
    tenant_id: str, run_id: UUID, request: Request | None, run: RunState | None, as_of: str | None = None
) -> bytes | None:
    """The JSON of the job that ``merged`` makes, without making it."""
    run = run or NOTHING
    asked = request or (run.end.request if run.end else None)
    if asked is None and run.status is None:
        return None
    end = run.end
    error = end.error if end else None
    by = asked.requested_by if asked else NOBODY
    started_at = run.starts[0].started_at if run.starts else end.started_at if end else None
    return orjson.dumps(
        {
            "id": run_id,
            "tenant_id": tenant_id,
            "project_id": asked.project_id if asked else None,
            "template_key": asked.template_key if asked else None,
            "template_version": asked.template_version if asked else None,
            "status": run.status or "queued",
            "attempt": run.attempt,
            "max_attempts": asked.max_attempts if asked else 1,
            "progress": run.progress and {"fraction": run.progress.fraction, "message": run.progress.message},
            "error": error.model_dump() if error else None,
            "trace_id": asked.trace_id if asked else None,
            "dry_run": asked.dry_run if asked else False,
            "requested_by": {"actor_id": by.actor_id, "source_app": by.source_app},
            "cancel_requested": run.cancel_requested,
            "replay_of": asked.replay_of if asked else None,
            "created_at": instant(asked.requested_at) if asked else None,
            "started_at": instant(started_at),
            "finished_at": instant(end.finished_at) if end else None,
            "as_of": as_of,
        }
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
    complete = manifest.status == "complete"
    attempts = [attempt.number for attempt in manifest.attempts]
    return Job(
        id=manifest.run_id,
        tenant_id=manifest.tenant_id,
        project_id=manifest.project_id,
        template_key=manifest.template_key,
        template_version=manifest.template_version,
        status="succeeded" if complete else failed,
        attempt=max(attempts, default=0),
        max_attempts=max(attempts, default=1),
        progress=Progress(fraction=1.0) if complete else None,
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
