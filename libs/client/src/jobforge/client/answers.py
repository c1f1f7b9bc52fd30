"""The answers that no message already describes; fields carry the names of the HTTP answers."""

from collections.abc import Iterator
from typing import Literal
from uuid import UUID

from jobforge.contracts.base import Instant, JsonObject, Value
from jobforge.contracts.envelope import EventEnvelope
from jobforge.contracts.jobs import Job
from jobforge.contracts.problem import Problem


class EventOutcome(Value):
    """What became of one event of a batch: ``status`` as for a single one, ``error`` if it was refused."""

    status: int
    event_id: UUID | None = None
    error: Problem | None = None

    @property
    def accepted(self) -> bool:
        """Whether the event is on record."""
        return self.status < 300


class RunPage(Value):
    """Runs, newest first; ``next_cursor`` asks for the page after, None at the end. Iterates over its runs."""

    runs: tuple[Job, ...]
    next_cursor: str | None = None
    as_of: str | None = None

    def __iter__(self) -> Iterator[Job]:  # type: ignore[override]  # a page is its runs, not its fields
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)


class EventPage(Value):
    """Events; ``next_cursor`` asks for the page after, None at the end. Iterates over its events."""

    events: tuple[EventEnvelope, ...]
    next_cursor: str | None = None
    as_of: str | None = None

    def __iter__(self) -> Iterator[EventEnvelope]:  # type: ignore[override]  # a page is its events, not its fields
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)


class ObjectReceipt(Value):
    """The answer to an uploaded object; ``size`` in bytes."""

    kind: str
    object_id: str
    size: int
    sha256: str
    content_type: str


class TemplateInfo(Value):
    """A template as the catalog shows it; ``timeout_seconds`` bounds one attempt."""

    template_key: str
    version: str
    description: str = ""
    domain: str | None = None
    input_schema: JsonObject
    output_schema: JsonObject
    scopes: tuple[str, ...] = ()
    effects: str = "pure"
    timeout_seconds: float
    attempts: int
    enabled: bool
    announced_at: Instant | None = None


class TriggerInfo(Value):
    """A trigger (with ``event_type``) or schedule (with ``cron``), and whether it acts now."""

    name: str
    template_key: str
    inputs: JsonObject
    event_type: str | None = None
    condition: str | None = None
    most_per_trace: int | None = None
    cron: str | None = None
    time_zone: str | None = None
    tenant_id: str | None = None
    project_id: str | None = None
    enabled: bool
    since: Instant | None = None
    last_tick: Instant | None = None


class TraceEntry(Value):
    """One thing in a trace: an event or a run, whichever ``kind`` says, and when it came."""

    kind: Literal["event", "run"]
    at: Instant | None = None
    event: EventEnvelope | None = None
    run: Job | None = None


class TraceStory(Value):
    """Everything of one tenant that shares a trace, in the order it came; ``url`` shows its spans."""

    trace_id: str
    otel_trace_id: str | None = None
    url: str | None = None
    entries: tuple[TraceEntry, ...] = ()
    as_of: str | None = None


class CancelReceipt(Value):
    """The wish to cancel a run is on record."""

    job_id: UUID
    tenant_id: str
    cancel_requested: bool = True
    as_of: str | None = None
