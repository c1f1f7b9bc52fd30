"""How a run's end becomes its manifest: a pure function of ``jobforge.runs`` up to the first terminal record."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from jobforge.contracts.base import Instant, JsonObject, Value
from jobforge.contracts.identity import otel_trace_id
from jobforge.contracts.jobs import JobError
from jobforge.contracts.manifest import Artifact, Attempt, RunManifest, Timings, TraceReference
from jobforge.contracts.runs import Outcome, RequestSnapshot, RunFailed, RunSucceeded

INVALID_OUTPUTS = JobError(
    code="job.invalid_outputs",
    message="The outcome holds a number that JSON cannot carry exactly: NaN, an infinity or an integer beyond 2^53.",
)


class Start(Value):
    """One start of an attempt; the claim tells two starts of one attempt apart."""

    number: int
    claim: str
    worker: str
    started_at: Instant


def seal(outcome: Outcome, starts: Sequence[Start]) -> RunManifest:
    """The terminal manifest, with its digest.

    ``starts`` are the starts seen before the outcome. An outcome that has no canonical JSON becomes a failure with
    ``job.invalid_outputs`` and without what could not be carried, so that the run still ends.
    """
    manifest = _manifest(outcome, starts)
    try:
        return manifest.sealed()
    except ValueError:
        failed = manifest.model_copy(
            update={
                "status": "failed",
                "error": INVALID_OUTPUTS,
                "inputs": {},
                "outputs": None,
                "artifacts": (),
                "metrics": {},
                "attempts": tuple(
                    attempt.model_copy(update={"outcome": "failed", "error": INVALID_OUTPUTS})
                    if attempt.outcome == "succeeded"
                    else attempt
                    for attempt in manifest.attempts
                ),
            }
        )
        return failed.sealed()


def _manifest(outcome: Outcome, starts: Sequence[Start]) -> RunManifest:
    error = outcome.error if isinstance(outcome, RunFailed) else None
    succeeded = isinstance(outcome, RunSucceeded)
    return RunManifest(
        run_id=outcome.run_id,
        tenant_id=outcome.tenant_id,
        status="complete" if succeeded else "failed",
        objects_read=outcome.objects_read,
        outputs=outcome.outputs if isinstance(outcome, RunSucceeded) else None,
        artifacts=_artifacts(outcome),
        attempts=_attempts(outcome, starts, error),
        timings=_timings(outcome, starts),
        metrics=outcome.metrics,
        environment=outcome.environment,
        tool_versions=outcome.tool_versions,
        error=error,
        **_asked(outcome.request),
    )


def _asked(request: RequestSnapshot | None) -> JsonObject:
    if request is None:
        return {}
    asked: dict[str, Any] = {
        name: getattr(request, name)
        for name in (
            "project_id",
            "template_key",
            "template_version",
            "inputs",
            "inputs_digest",
            "dry_run",
            "requested_by",
            "replay_of",
        )
    }
    trace = TraceReference(trace_id=request.trace_id, otel_trace_id=f"{otel_trace_id(request.trace_id):032x}")
    return {**asked, "trace": trace}


def _artifacts(outcome: Outcome) -> tuple[Artifact, ...]:
    if not isinstance(outcome, RunSucceeded):
        return ()
    return tuple(
        Artifact(
            name=written.name,
            media_type=written.media_type,
            size=written.size,
            sha256=written.sha256,
            location=written.location,
        )
        for written in outcome.artifacts
    )


def _attempts(outcome: Outcome, starts: Sequence[Start], error: JobError | None) -> tuple[Attempt, ...]:
    result: Literal["succeeded", "failed"] = "failed" if error is not None else "succeeded"
    last = Attempt(
        number=outcome.attempt,
        worker=outcome.worker,
        started_at=outcome.started_at,
        finished_at=outcome.finished_at,
        outcome=result,
        error=error,
    )
    lost = [
        Attempt(number=start.number, worker=start.worker, started_at=start.started_at, outcome="lost")
        for start in starts
        if start.claim != outcome.claim or start.number != outcome.attempt
    ]
    return (*lost, last)


def _timings(outcome: Outcome, starts: Sequence[Start]) -> Timings:
    requested_at = outcome.request.requested_at if outcome.request else None
    first = starts[0].started_at if starts else outcome.started_at
    return Timings(
        requested_at=requested_at,
        queued_for=_between(requested_at, first),
        ran_for=_between(outcome.started_at, outcome.finished_at),
        finished_at=outcome.finished_at,
    )


def _between(earlier: datetime | None, later: datetime | None) -> float | None:
    """Seconds, to the microsecond, never negative: two machines' clocks may disagree."""
    if earlier is None or later is None:
        return None
    return max(0.0, round((later - earlier).total_seconds(), 6))
