"""Runs one attempt of one job to its outcome; whatever the template does, an outcome comes out."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from jobforge.contracts.base import MAX_INLINE_OUTPUT_BYTES, JsonObject, unchecked
from jobforge.contracts.canonical import canonical_json
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.reading import Unreadable
from jobforge.contracts.runs import Environment, RequestSnapshot, RunCanceled, RunFailed, RunStarted, RunSucceeded
from jobforge.contracts.snapshot import snapshot_of
from jobforge.execution.attempt import Attempt, Surroundings
from jobforge.execution.discovery import BoundTemplate
from jobforge.execution.errors import InvalidInputs, JobTimedOut, Terminal
from jobforge.execution.outputs import checked
from jobforge.execution.policy import Failure
from jobforge.execution.reasons import error, failure_of, first_problem
from jobforge.execution.redaction import redacted
from jobforge.execution.retry import FIRST_DELAY

OUTPUTS_ARTIFACT = "outputs.json"
UNKNOWN_TIMEOUT = timedelta(seconds=60)
"""The deadline of a run whose template this service does not have."""

_run_started = unchecked(RunStarted)


class UnknownTemplate(Terminal):
    """This service does not run the template: it was removed, or the request went to the wrong domain."""

    code = "template.unknown"


@dataclass(frozen=True, slots=True)
class Failed:
    """An attempt that failed; ``outcome`` is the run's end, should there be no other attempt."""

    outcome: RunFailed
    failure: Failure


class Runner:
    """Turns an accepted request into ``RunSucceeded`` or ``Failed``; a cancelled ``run`` leaves no outcome.

    Whoever calls ``run`` holds the clock: it cancels what takes longer than ``timeout``.
    """

    def __init__(
        self,
        templates: Mapping[str, BoundTemplate],
        around: Surroundings,
        *,
        environment: Environment,
        worker: str,
        max_output_bytes: int = MAX_INLINE_OUTPUT_BYTES,
    ) -> None:
        self._templates = templates
        self._around = around
        self._environment = environment
        self._worker = worker
        self._max_output_bytes = max_output_bytes

    def timeout(self, template_key: str) -> timedelta:
        """How long an attempt of this template may take."""
        bound = self._templates.get(template_key)
        return bound.template.timeout if bound else UNKNOWN_TIMEOUT

    def backoff(self, template_key: str) -> timedelta:
        """The wait after this template's first failed attempt."""
        bound = self._templates.get(template_key)
        return bound.template.backoff if bound else FIRST_DELAY

    def started(self, requested: JobRequested, attempt: int, claim: str, *, fence: int = 0) -> RunStarted:
        """The fact that an attempt begins now."""
        now = datetime.now(UTC)
        return _run_started(
            run_id=requested.run_id,
            tenant_id=requested.tenant_id,
            attempt=attempt,
            claim=claim,
            worker=self._worker,
            started_at=now,
            deadline=now + self.timeout(requested.template_key),
            fence=fence,
        )

    def snapshot(self, requested: JobRequested) -> RequestSnapshot:
        """What the manifest will say about the request; raises ``Unreadable`` for inputs that JSON cannot carry."""
        bound = self._templates.get(requested.template_key)
        try:
            return snapshot_of(
                requested,
                template_version=bound.template.version if bound else requested.template_version,
                inputs=redacted(bound.template.inputs, requested.inputs) if bound else {},
            )
        except ValueError as why:
            raise Unreadable("record.invalid", f"/inputs: {why}") from None

    async def run(
        self, requested: JobRequested, snapshot: RequestSnapshot, started: RunStarted
    ) -> RunSucceeded | Failed:
        """Run the attempt and return its outcome."""
        attempt = Attempt(requested, started.attempt, started.claim, self._around)
        try:
            outputs = await self._attempt(requested, attempt)
            facts = self._facts(snapshot, started, attempt)
            return RunSucceeded(**facts, outputs=outputs, artifacts=tuple(attempt.artifacts.values()))
        except BaseException as raised:  # the one broad except: a template may raise anything at all
            task = asyncio.current_task()
            if isinstance(raised, asyncio.CancelledError) and task is not None and task.cancelling():
                raise  # the worker cancelled it; the template did not raise it by itself
            return self.failed(failure_of(raised), snapshot, started, attempt)

    def failed(
        self, failure: Failure, snapshot: RequestSnapshot, started: RunStarted, attempt: Attempt | None = None
    ) -> Failed:
        """A failure as the end of the run, for when it is its end."""
        return Failed(RunFailed(**self._facts(snapshot, started, attempt), error=failure.error), failure)

    def canceled(self, snapshot: RequestSnapshot, started: RunStarted, *, began: bool) -> RunCanceled:
        """The end of a run that somebody asked to cancel; ``began`` says whether this attempt had begun."""
        said = error("job.canceled", "the run was canceled on request")
        return RunCanceled(**self._facts(snapshot, started, None, began=began), error=said)

    def expired(self, snapshot: RequestSnapshot, started: RunStarted) -> RunFailed:
        """The end of a run that did not begin in the time that its request allowed."""
        said = error("job.expired", "no attempt began within the request's start_within")
        return RunFailed(**self._facts(snapshot, started, None, began=False), error=said)

    def unreadable(self, tenant_id: str, run_id: UUID, reason: str, detail: str) -> RunFailed:
        """The end of a run whose request cannot be read; its key named it."""
        return RunFailed(
            run_id=run_id,
            tenant_id=tenant_id,
            request=None,
            attempt=0,
            claim="",
            worker=self._worker,
            started_at=None,
            finished_at=datetime.now(UTC),
            environment=self._environment,
            error=error("job.unreadable", f"{reason}: {detail}"),
        )

    async def _attempt(self, requested: JobRequested, attempt: Attempt) -> JsonObject:
        bound = self._templates.get(requested.template_key)
        if bound is None:
            raise UnknownTemplate(f"no template {requested.template_key} here; it runs {', '.join(self._templates)}")
        try:
            inputs = bound.template.inputs.model_validate(requested.inputs)
        except ValidationError as why:
            raise InvalidInputs(first_problem(why)) from None
        result = await bound.template.run(inputs, attempt, **bound.tools)
        outputs, text = await checked(bound.template.outputs, result)
        if requested.dry_run and (bound.template.effects == "keyed" or attempt.planned_effects):
            outputs = {**outputs, "planned_effects": list(attempt.planned_effects.values())}
            text = canonical_json(outputs).decode()
        if len(text.encode()) <= self._max_output_bytes:
            return outputs
        await attempt.write_artifact(OUTPUTS_ARTIFACT, text, "application/json")
        return {"$artifact": OUTPUTS_ARTIFACT}

    def _facts(
        self, snapshot: RequestSnapshot, started: RunStarted, attempt: Attempt | None, *, began: bool = True
    ) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "run_id": started.run_id,
            "tenant_id": started.tenant_id,
            "request": snapshot,
            "attempt": started.attempt if began else started.attempt - 1,
            "claim": started.claim if began else "",
            "worker": self._worker,
            "started_at": started.started_at if began else None,
            "finished_at": datetime.now(UTC),
            "fence": started.fence,
            "environment": self._environment,
        }
        if attempt is not None:
            facts["objects_read"] = tuple(attempt.objects_read.values())
            facts["metrics"] = attempt.metrics
            facts["tool_versions"] = attempt.tool_versions
        return facts


def timed_out(limit: timedelta) -> JobTimedOut:
    """The failure of an attempt that took longer than its template allows."""
    return JobTimedOut(f"the job ran longer than its template allows ({limit.total_seconds():g} s)")


def stand_in(outcome: RunSucceeded | RunFailed | RunCanceled, why: str, *, inputs: bool = True) -> RunFailed:
    """The end of a run whose outcome no record can hold: nothing of what its template told, nor, perhaps, ``inputs``.

    The numbers in inputs can be written longer than they came.
    """
    facts = {name: getattr(outcome, name) for name in RunFailed.model_fields if name in type(outcome).model_fields}
    facts |= {"type": "RunFailed", "metrics": {}, "objects_read": (), "tool_versions": {}}
    if outcome.request is not None and not inputs:
        facts["request"] = outcome.request.model_copy(update={"inputs": {}})
    return RunFailed(**facts | {"error": error("job.invalid_outputs", why)})
