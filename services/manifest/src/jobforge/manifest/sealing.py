"""How a run's end becomes its manifest: a pure function of ``jobforge.runs`` up to the first terminal record."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

import orjson

from jobforge.contracts.base import JsonObject, iso_utc
from jobforge.contracts.canonical import canonical_json
from jobforge.contracts.identity import id_text, otel_trace_id
from jobforge.contracts.jobs import JobError
from jobforge.contracts.restoring import MAX_MANIFEST_BYTES
from jobforge.contracts.runs import Outcome, RequestSnapshot, RunCanceled, RunFailed, RunSucceeded
from jobforge.manifest.states import Start

LEFT_OUT = "(left out: the manifest would be larger than a record)"
INVALID_OUTPUTS = JobError(
    code="job.invalid_outputs",
    message="The outcome holds a number that JSON cannot carry exactly: NaN, an infinity or an integer beyond 2^53.",
)
TOO_LARGE = JobError(code="job.invalid_outputs", message="The outcome is larger than the manifest of a run may be.")


class Sealed(NamedTuple):
    """A terminal manifest: its JSON, its digest, and what the job shows of it."""

    value: bytes
    digest: str
    complete: bool
    error: JobError | None


def seal(outcome: Outcome, starts: Sequence[Start]) -> Sealed:
    """The terminal manifest, with its digest.

    ``starts`` are the starts seen before the outcome. An outcome that has no canonical JSON becomes a failure with
    ``job.invalid_outputs`` and without what could not be carried, so that the run still ends. Where a manifest would be
    larger than a record, earlier attempts keep the codes of their errors, and not their messages; where it still is,
    which no worker's outcome makes it, it is a failure that tells nothing of what the job told.
    """
    sealed = _seal(outcome, starts)
    if len(sealed.value) <= MAX_MANIFEST_BYTES:
        return sealed
    brief = [_briefly(start) for start in starts]
    sealed = _seal(outcome, brief)
    if len(sealed.value) <= MAX_MANIFEST_BYTES:
        return sealed
    untold: JsonObject = {**_failed(TOO_LARGE), "objects_read": [], "tool_versions": {}}
    return _sealed({**_manifest(outcome, brief, TOO_LARGE), **untold}, TOO_LARGE)


def _seal(outcome: Outcome, starts: Sequence[Start]) -> Sealed:
    error = outcome.error if isinstance(outcome, RunFailed | RunCanceled) else None
    manifest = _manifest(outcome, starts, error)
    try:
        return _sealed(manifest, error)
    except ValueError:
        return _sealed(_without_outputs(manifest), INVALID_OUTPUTS)


def _briefly(start: Start) -> Start:
    return start if start.error is None else start._replace(error=JobError(code=start.error.code, message=LEFT_OUT))


def _sealed(manifest: JsonObject, error: JobError | None) -> Sealed:
    """The manifest with what its digest does not cover, in the order of ``RunManifest``; raises ``ValueError``."""
    found = hashlib.sha256(canonical_json(manifest)).hexdigest()
    manifest["artifacts"] = [{**artifact, "url": None} for artifact in manifest["artifacts"]]
    manifest["trace"] = {**manifest["trace"], "url": None}
    manifest["duplicates"] = 0
    manifest["digest"] = found
    return Sealed(orjson.dumps(manifest), found, manifest["status"] == "complete", error)


def _without_outputs(manifest: JsonObject) -> JsonObject:
    error = INVALID_OUTPUTS.model_dump()
    attempts = [
        {**attempt, "outcome": "failed", "error": error}
        if attempt["outcome"] == "succeeded"
        else {**attempt, "error": attempt["error"] and {**attempt["error"], "cause": None}}
        for attempt in manifest["attempts"]
    ]
    return {**manifest, **_failed(INVALID_OUTPUTS), "attempts": attempts}


def _failed(error: JobError) -> JsonObject:
    return {
        "status": "failed",
        "error": error.model_dump(),
        "inputs": {},
        "outputs": None,
        "artifacts": [],
        "metrics": {},
    }


def _manifest(outcome: Outcome, starts: Sequence[Start], error: JobError | None) -> JsonObject:
    request = outcome.request
    succeeded = outcome if isinstance(outcome, RunSucceeded) else None
    by = request.requested_by if request else None
    environment = outcome.environment
    finished_at = iso_utc(outcome.finished_at)
    return {
        "schema_version": 1,
        "run_id": id_text(outcome.run_id),
        "tenant_id": outcome.tenant_id,
        "project_id": request.project_id if request else None,
        "template_key": request.template_key if request else None,
        "template_version": request.template_version if request else None,
        "status": "complete" if succeeded else "failed",
        "dry_run": request.dry_run if request else False,
        "replay_of": str(request.replay_of) if request and request.replay_of else None,
        "requested_by": {"actor_id": by.actor_id if by else None, "source_app": by.source_app if by else None},
        "inputs": request.inputs if request else {},
        "inputs_digest": request.inputs_digest if request else None,
        "objects_read": [{"kind": read.kind, "id": read.id, "sha256": read.sha256} for read in outcome.objects_read],
        "outputs": succeeded.outputs if succeeded else None,
        "artifacts": _artifacts(succeeded) if succeeded else [],
        "attempts": _attempts(outcome, starts, error, finished_at),
        "timings": _timings(outcome, starts, finished_at),
        "metrics": outcome.metrics,
        "environment": {
            "service": environment.service,
            "version": environment.version,
            "python": environment.python,
            "platform": environment.platform,
            "host": environment.host,
        },
        "tool_versions": outcome.tool_versions,
        "error": error.model_dump() if error else None,
        "trace": _trace(request),
    }


def _trace(request: RequestSnapshot | None) -> JsonObject:
    if request is None:
        return {"trace_id": None, "otel_trace_id": None}
    return {"trace_id": request.trace_id, "otel_trace_id": f"{otel_trace_id(request.trace_id):032x}"}


def _artifacts(outcome: RunSucceeded) -> list[JsonObject]:
    return [
        {
            "name": written.name,
            "media_type": written.media_type,
            "size": written.size,
            "sha256": written.sha256,
            "location": written.location,
        }
        for written in outcome.artifacts
    ]


def _attempts(outcome: Outcome, starts: Sequence[Start], error: JobError | None, finished_at: str) -> list[JsonObject]:
    """Every start, by number: one that retried failed with its error, others were lost, and one ended the run."""
    result = "canceled" if isinstance(outcome, RunCanceled) else "failed" if error is not None else "succeeded"
    tried = [
        _attempt(start.number, start.worker, start.started_at, instant(start.finished_at), _how(start), start.error)
        for start in starts
        if start.claim != outcome.claim or start.number != outcome.attempt
    ]
    tried.append(_attempt(outcome.attempt, outcome.worker, outcome.started_at, finished_at, result, error))
    tried.sort(key=itemgetter("number"))
    return tried


def _how(start: Start) -> str:
    return "lost" if start.error is None else "failed"


def _attempt(
    number: int,
    worker: str,
    started_at: datetime | None,
    finished_at: str | None,
    outcome: str,
    error: JobError | None,
) -> JsonObject:
    return {
        "number": number,
        "worker": worker,
        "started_at": instant(started_at),
        "finished_at": finished_at,
        "outcome": outcome,
        "error": error.model_dump() if error else None,
    }


def _timings(outcome: Outcome, starts: Sequence[Start], finished_at: str) -> JsonObject:
    requested_at = outcome.request.requested_at if outcome.request else None
    first = starts[0].started_at if starts else outcome.started_at
    return {
        "requested_at": instant(requested_at),
        "queued_for": _between(requested_at, first),
        "ran_for": _between(outcome.started_at, outcome.finished_at),
        "finished_at": finished_at,
    }


def instant(at: datetime | None) -> str | None:
    """As ``contracts.base.Instant`` writes it."""
    return None if at is None else iso_utc(at)


def _between(earlier: datetime | None, later: datetime | None) -> float | None:
    """Seconds, to the microsecond, never negative: two machines' clocks may disagree."""
    if earlier is None or later is None:
        return None
    return max(0.0, (later - earlier).total_seconds())
