"""How a run ends that no worker ends: the terminal record, made of the request and of what is known of the run."""

from datetime import datetime
from uuid import UUID

from jobforge.contracts.base import JsonObject
from jobforge.contracts.control import TemplateAnnounced
from jobforge.contracts.jobs import JobError, JobRequested
from jobforge.contracts.runs import Environment, RequestSnapshot, RunCanceled, RunFailed
from jobforge.contracts.snapshot import sensitive_fields, snapshot_of, without
from jobforge.scheduler.rows import OpenRun
from jobforge.scheduler.verdicts import Close


def snapshot(requested: JobRequested, announced: TemplateAnnounced | None) -> RequestSnapshot | None:
    """What the manifest may say about the request; None for one that no snapshot can hold.

    Without the template, which says what is sensitive, it shows none of the inputs.
    """
    shown: JsonObject = {}
    if announced is not None:
        shown = without(requested.inputs, sensitive_fields(announced.input_schema))
    try:
        return snapshot_of(
            requested, template_version=announced.version if announced else requested.template_version, inputs=shown
        )
    except ValueError:
        return None


def ended(
    run: OpenRun, close: Close, request: RequestSnapshot | None, *, worker: str, environment: Environment, now: datetime
) -> RunCanceled | RunFailed:
    """The terminal record. A run that runs ends as the attempt whose worker vanished, any other as one never begun."""
    last = run.last_start if run.running else None
    facts = {
        "run_id": run.run_id,
        "tenant_id": run.tenant_id,
        "request": request,
        "attempt": run.lived.attempt if run.running or not run.started else run.lived.attempt + 1,
        "claim": last.claim if last else "",
        "worker": last.worker if last else worker,
        "started_at": last.started_at if last else None,
        "finished_at": now,
        "environment": environment,
        "error": JobError(code=close.code, message=close.message),
    }
    return RunCanceled(**facts) if close.code == "job.canceled" else RunFailed(**facts)


def unreadable(
    tenant_id: str, run_id: UUID, detail: str, *, worker: str, environment: Environment, now: datetime
) -> RunFailed:
    """The end of a run whose record cannot go on; its key named it."""
    return RunFailed(
        run_id=run_id,
        tenant_id=tenant_id,
        request=None,
        attempt=0,
        claim="",
        worker=worker,
        started_at=None,
        finished_at=now,
        environment=environment,
        error=JobError(code="job.unreadable", message=detail),
    )
