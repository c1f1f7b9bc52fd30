"""Messages for tests: each builder gives a valid one, and takes what the test cares about."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from jobforge.chassis.wire import Publisher
from jobforge.contracts.control import TemplateAnnounced
from jobforge.contracts.identity import body_digest, domain_of, partition_of, run_key
from jobforge.contracts.jobs import JobRequested
from jobforge.contracts.topics import JOBS

AT = datetime(2026, 2, 2, 12, tzinfo=UTC)


def job_requested(
    inputs: dict[str, Any] | None = None,
    *,
    template_key: str = "echo.message.reply",
    tenant_id: str = "acme",
    run_id: UUID | None = None,
    **more: Any,
) -> JobRequested:
    """An accepted request, by default of the echo template."""
    body = inputs if inputs is not None else {"message": "hello"}
    return JobRequested(
        run_id=run_id or uuid4(),
        tenant_id=tenant_id,
        template_key=template_key,
        template_version="1",
        inputs=body,
        body_digest=body_digest(tenant_id, None, template_key, body, False),
        trace_id=more.pop("trace_id", "trace_1_abc"),
        requested_at=AT,
        **more,
    )


async def publish_job(publisher: Publisher, request: JobRequested, *, partitions: int) -> None:
    """Put a request on its jobs topic, as ingestion would."""
    key = run_key(request.tenant_id, request.run_id)
    topic = JOBS.named(domain_of(request.template_key))
    await publisher.publish(topic, key=key, value=request.to_bytes(), partition=partition_of(key, partitions))


def template_announced(template_key: str, **more: Any) -> TemplateAnnounced:
    """A template that takes anything, as its domain announces it."""
    given = {
        "version": "3",
        "domain": template_key.partition(".")[0],
        "description": "Reads a contract.",
        "input_schema": {},
        "output_schema": {"type": "object"},
        "timeout_seconds": 60,
        "attempts": 3,
        "announced_at": AT,
    }
    return TemplateAnnounced(template_key=template_key, **{**given, **more})
