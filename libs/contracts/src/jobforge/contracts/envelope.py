"""Events: the facts that apps state."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from jobforge.contracts.base import (
    EventType,
    Instant,
    JsonObject,
    Message,
    Name,
    ProjectId,
    SourceApp,
    StrictInput,
    TenantId,
    TraceId,
    Value,
)

RedactionHint = Annotated[str, StringConstraints(min_length=1, max_length=256)]
SubjectId = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f/\\]+$")]


class Subject(StrictInput):
    """What an event is about, such as ``{"type": "contract", "id": "c-17"}``."""

    type: Name
    id: SubjectId


class EventSubmission(StrictInput):
    """An event as an app sends it."""

    tenant_id: TenantId
    project_id: ProjectId | None = None
    event_type: EventType
    event_id: UUID | None = Field(default=None, description="Names the event for ever; a repeat is the same event.")
    trace_id: TraceId
    source_app: SourceApp
    source_module: Name | None = None
    subject: Subject | None = None
    payload: JsonObject = Field(default_factory=dict)
    contains_pii: bool = False
    redaction_hints: tuple[RedactionHint, ...] | None = Field(
        default=None,
        max_length=100,
        description="Dotted payload paths to redact, '*' for any key or index; none given: every leaf.",
    )
    occurred_at: Instant | None = None


class EventSubject(Value):
    """What an event is about, as readers see it."""

    type: str
    id: str


class EventEnvelope(Message):
    """An accepted event, redacted where told so, on ``jobforge.events.<source_app>``."""

    event_id: UUID
    tenant_id: TenantId
    project_id: ProjectId | None = None
    event_type: EventType
    trace_id: TraceId
    source_app: SourceApp
    source_module: str | None = None
    subject: EventSubject | None = None
    payload: JsonObject = Field(default_factory=dict)
    contains_pii: bool = False
    redaction_hints: tuple[str, ...] | None = None
    occurred_at: Instant
    received_at: Instant


class EventReceipt(Value):
    """The answer to an accepted event. ``audit_id`` is null while auditing is off."""

    event_id: UUID
    trace_id: TraceId
    audit_id: str | None = None
