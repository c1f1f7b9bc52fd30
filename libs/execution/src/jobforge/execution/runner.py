"""Runs one attempt of one job to its outcome; whatever the template does, an outcome comes out."""

import asyncio
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from pydantic import BaseModel, ValidationError

from jobforge.contracts.base import MAX_INLINE_OUTPUT_BYTES, JsonObject
from jobforge.contracts.canonical import canonical_json
from jobforge.contracts.jobs import JobError, JobRequested
from jobforge.contracts.reading import Unreadable
from jobforge.contracts.runs import Environment, RequestSnapshot, RunFailed, RunStarted, RunSucceeded
from jobforge.contracts.snapshot import snapshot_of
from jobforge.execution.attempt import Attempt, Surroundings
from jobforge.execution.discovery import BoundTemplate
from jobforge.execution.errors import InvalidInputs, InvalidOutputs, JobFailure, JobTimedOut, Terminal
from jobforge.execution.redaction import redacted

log = structlog.get_logger()

MAX_ERROR_TEXT = 2000
OUTPUTS_ARTIFACT = "outputs.json"
INLINE_CHECK = 32 * 1024
"""Outputs up to this many characters are checked on the event loop, larger ones in a thread."""


class UnknownTemplate(Terminal):
    """This service does not run the template: it was removed, or the request went to the wrong domain."""

    code = "template.unknown"


class Runner:
    """Turns an accepted request into ``RunSucceeded`` or ``RunFailed``; a cancelled ``run`` leaves no outcome."""

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

    def started(self, requested: JobRequested, attempt: int, claim: str) -> RunStarted:
        """The fact that an attempt begins now."""
        return RunStarted(
            run_id=requested.run_id,
            tenant_id=requested.tenant_id,
            attempt=attempt,
            claim=claim,
            worker=self._worker,
            started_at=datetime.now(UTC),
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
        except ValueError as error:
            raise Unreadable("record.invalid", f"/inputs: {error}") from None

    async def run(
        self, requested: JobRequested, snapshot: RequestSnapshot, started: RunStarted
    ) -> RunSucceeded | RunFailed:
        """Run the attempt and return its outcome."""
        attempt = Attempt(requested, started.attempt, started.claim, self._around)
        bound = self._templates.get(requested.template_key)
        try:
            outputs = await self._attempt(bound, requested, attempt)
        except BaseException as raised:  # the one broad except: a template may raise anything at all
            task = asyncio.current_task()
            if isinstance(raised, asyncio.CancelledError) and task is not None and task.cancelling():
                raise  # the worker stops; the template did not raise it by itself
            error = _error_of(raised)
        else:
            return RunSucceeded(
                **self._facts(snapshot, started, attempt),
                outputs=outputs,
                artifacts=tuple(attempt.artifacts.values()),
            )
        return RunFailed(**self._facts(snapshot, started, attempt), error=error)

    def unreadable(self, tenant_id: str, run_id: Any, reason: str, detail: str) -> RunFailed:
        """The end of a run whose request cannot be read; its key named it."""
        now = datetime.now(UTC)
        return RunFailed(
            run_id=run_id,
            tenant_id=tenant_id,
            request=None,
            attempt=0,
            claim="",
            worker=self._worker,
            started_at=None,
            finished_at=now,
            environment=self._environment,
            error=_error("job.unreadable", f"{reason}: {detail}"),
        )

    async def _attempt(self, bound: BoundTemplate | None, requested: JobRequested, attempt: Attempt) -> JsonObject:
        if bound is None:
            raise UnknownTemplate(f"no template {requested.template_key} here; it runs {', '.join(self._templates)}")
        try:
            inputs = bound.template.inputs.model_validate(requested.inputs)
        except ValidationError as error:
            raise InvalidInputs(_first_problem(error)) from None
        limit = bound.template.timeout.total_seconds()
        deadline = asyncio.timeout(limit)
        try:
            async with deadline:
                result = await bound.template.run(inputs, attempt, **bound.tools)
        except TimeoutError:
            if not deadline.expired():
                raise
            raise JobTimedOut(f"the job ran longer than its template allows ({limit:g} s)") from None
        return await self._outputs(bound, result, attempt)

    async def _outputs(self, bound: BoundTemplate, result: object, attempt: Attempt) -> JsonObject:
        try:
            model = bound.template.outputs.model_validate(result, from_attributes=isinstance(result, BaseModel))
            _refuse_non_finite(model.model_dump())
            outputs, text = model.model_dump(mode="json"), model.model_dump_json()
            if len(text) < INLINE_CHECK:
                canonical_json(outputs)
            else:
                await asyncio.to_thread(canonical_json, outputs)
        except ValidationError as error:
            raise InvalidOutputs(_first_problem(error)) from None
        except ValueError as error:
            raise InvalidOutputs(f"JSON cannot carry the outputs exactly: {error}") from None
        if len(text.encode()) <= self._max_output_bytes:
            return outputs
        await attempt.write_artifact(OUTPUTS_ARTIFACT, text, "application/json")
        return {"$artifact": OUTPUTS_ARTIFACT}

    def _facts(self, snapshot: RequestSnapshot, started: RunStarted, attempt: Attempt) -> dict[str, Any]:
        return {
            "run_id": started.run_id,
            "tenant_id": started.tenant_id,
            "request": snapshot,
            "attempt": started.attempt,
            "claim": started.claim,
            "worker": self._worker,
            "started_at": started.started_at,
            "finished_at": datetime.now(UTC),
            "objects_read": tuple(attempt.objects_read.values()),
            "metrics": attempt.metrics,
            "environment": self._environment,
            "tool_versions": attempt.tool_versions,
        }


def too_large(outcome: RunSucceeded | RunFailed, size: int) -> RunFailed:
    """What stands in for an outcome that no record can hold."""
    facts = {name: getattr(outcome, name) for name in type(outcome).model_fields if name in RunFailed.model_fields}
    facts |= {"type": "RunFailed", "metrics": {}, "objects_read": ()}
    return RunFailed(**facts | {"error": _error("job.invalid_outputs", f"the outcome takes {size} bytes")})


def _error(code: str, message: str, *, retryable: bool = False) -> JobError:
    return JobError(code=code, message=message[:MAX_ERROR_TEXT], retryable=retryable)


def _error_of(raised: BaseException) -> JobError:
    while isinstance(raised, BaseExceptionGroup) and len(raised.exceptions) == 1:
        raised = raised.exceptions[0]  # a task group wraps what its task raised
    if isinstance(raised, JobFailure):
        return _error(type(raised).code, str(raised), retryable=raised.retryable)
    log.error("job.raised", exc_info=raised)
    return _error("job.raised", f"{type(raised).__name__}: {raised}", retryable=True)


def _refuse_non_finite(value: Any) -> None:
    """Pydantic writes NaN and infinities of untyped fields as null, which would hide them."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not a JSON number")
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, list | tuple | set | frozenset):
        return
    for item in value:
        _refuse_non_finite(item)


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    pointer = "/" + "/".join(str(part) for part in first["loc"])
    return f"{pointer}: {first['msg']} ({error.error_count()} in all)"
