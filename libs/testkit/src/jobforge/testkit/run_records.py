"""Requests, run records and events for tests: each as its writer would make it, at times that are fixed to ``AT``."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from jobforge.contracts.envelope import EventEnvelope
from jobforge.contracts.identity import body_digest
from jobforge.contracts.jobs import JobError, JobRequested, Progress
from jobforge.contracts.runs import (
    ArtifactWritten,
    Environment,
    RequestSnapshot,
    RunCanceled,
    RunFailed,
    RunProgressed,
    RunRestored,
    RunRetrying,
    RunStarted,
    RunSucceeded,
)

AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
"""When requests were accepted: not long ago, since the view lets finished runs go after a week."""
ENVIRONMENT = Environment(service="echo", version="1", python="3.11", platform="linux", host="h")
TEMPLATE = "echo.message.reply"


def after(seconds: float) -> datetime:
    """That long after the request."""
    return AT + timedelta(seconds=seconds)


def requested(
    run_id: UUID, tenant_id: str = "acme", *, inputs: dict[str, Any] | None = None, **more: Any
) -> JobRequested:
    """The accepted request."""
    body = {"message": "hello"} if inputs is None else inputs
    fields: dict[str, Any] = {
        "template_key": TEMPLATE,
        "template_version": "1",
        "inputs": body,
        "body_digest": body_digest(tenant_id, None, TEMPLATE, body, False),
        "trace_id": "trace_1_abc",
        "attempts": 3,
        "requested_at": AT,
        **more,
    }
    return JobRequested(run_id=run_id, tenant_id=tenant_id, **fields)


def snapshot(**more: Any) -> RequestSnapshot:
    """What a terminal record says about the request."""
    fields: dict[str, Any] = {
        "template_key": TEMPLATE,
        "template_version": "1",
        "inputs": {"message": "hello"},
        "inputs_digest": "0" * 64,
        "trace_id": "trace_1_abc",
        "max_attempts": 3,
        "requested_at": AT,
        **more,
    }
    return RequestSnapshot(**fields)


def started(run_id: UUID, tenant_id: str = "acme", *, attempt: int = 1, claim: str = "c1") -> RunStarted:
    """An attempt begins, one second after the request."""
    return RunStarted(
        run_id=run_id, tenant_id=tenant_id, attempt=attempt, claim=claim, worker="w1", started_at=after(1)
    )


def progressed(run_id: UUID, fraction: float, tenant_id: str = "acme", *, attempt: int = 1) -> RunProgressed:
    """An attempt says how far it is."""
    return RunProgressed(
        run_id=run_id, tenant_id=tenant_id, attempt=attempt, progress=Progress(fraction=fraction), at=after(2)
    )


def succeeded(
    run_id: UUID,
    tenant_id: str = "acme",
    *,
    attempt: int = 1,
    claim: str = "c1",
    outputs: dict[str, Any] | None = None,
    artifacts: tuple[ArtifactWritten, ...] = (),
    request: RequestSnapshot | None = None,
) -> RunSucceeded:
    """The run ends well, three seconds after the request."""
    return RunSucceeded(
        run_id=run_id,
        tenant_id=tenant_id,
        request=request or snapshot(),
        attempt=attempt,
        claim=claim,
        worker="w1",
        started_at=after(1),
        finished_at=after(3),
        environment=ENVIRONMENT,
        outputs={"reply": "hello"} if outputs is None else outputs,
        artifacts=artifacts,
    )


def failed(
    run_id: UUID, tenant_id: str = "acme", *, attempt: int = 1, claim: str = "c1", code: str = "job.crashed"
) -> RunFailed:
    """The run ends badly, four seconds after the request."""
    return RunFailed(
        run_id=run_id,
        tenant_id=tenant_id,
        request=snapshot(),
        attempt=attempt,
        claim=claim,
        worker="w1",
        started_at=after(1),
        finished_at=after(4),
        environment=ENVIRONMENT,
        error=JobError(code=code, message="it broke"),
    )


def retrying(
    run_id: UUID, tenant_id: str = "acme", *, attempt: int = 1, claim: str = "c1", code: str = "echo.flaky"
) -> RunRetrying:
    """An attempt fails two seconds after the request, and the next one waits."""
    return RunRetrying(
        run_id=run_id,
        tenant_id=tenant_id,
        attempt=attempt,
        claim=claim,
        worker="w1",
        started_at=after(1),
        finished_at=after(2),
        error=JobError(code=code, message="not yet", retryable=True),
        next_attempt=attempt + 1,
        not_before=after(3),
    )


def canceled(run_id: UUID, tenant_id: str = "acme", *, attempt: int = 1, claim: str = "c1") -> RunCanceled:
    """The run ends because somebody asked for it, three seconds after the request."""
    return RunCanceled(
        run_id=run_id,
        tenant_id=tenant_id,
        request=snapshot(),
        attempt=attempt,
        claim=claim,
        worker="w1",
        started_at=after(1),
        finished_at=after(3),
        environment=ENVIRONMENT,
        error=JobError(code="job.canceled", message="canceled by ops"),
    )


def restored(manifest: bytes) -> RunRestored:
    """A worker found this manifest in the archive and publishes it again."""
    content = json.loads(manifest)
    return RunRestored(run_id=content["run_id"], tenant_id=content["tenant_id"], manifest=content)


def event(tenant_id: str = "acme", **more: Any) -> EventEnvelope:
    """An accepted event."""
    fields: dict[str, Any] = {
        "event_id": uuid4(),
        "event_type": "settler.contract.uploaded",
        "trace_id": "trace_1_abc",
        "source_app": "settler",
        "payload": {"contract_id": "c-17"},
        "occurred_at": AT,
        "received_at": AT,
        **more,
    }
    return EventEnvelope(tenant_id=tenant_id, **fields)
