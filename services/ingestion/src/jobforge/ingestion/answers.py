"""The answers of this door that are no message: batches, uploads, templates, triggers and switches."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from jobforge.contracts.base import Instant, Value
from jobforge.contracts.problem import Problem


class EventOutcome(Value):
    """What became of one event of a batch."""

    status: int
    event_id: UUID | None = None
    error: Problem | None = None


class CancelAccepted(Value):
    """The wish to cancel is kept; on a terminal run it does nothing."""

    job_id: UUID
    tenant_id: str
    cancel_requested: bool = True
    as_of: str


class ObjectStored(Value):
    """An uploaded object."""

    kind: str
    object_id: str
    size: int = Field(description="Bytes.")
    sha256: str
    content_type: str


class CatalogEntry(Value):
    """A template as it was announced, and whether it may be requested now."""

    model_config = ConfigDict(frozen=True, from_attributes=True, extra="ignore")

    template_key: str
    version: str
    domain: str
    description: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]
    scopes: tuple[str, ...]
    effects: str
    timeout_seconds: float
    attempts: int
    enabled: bool


class CatalogPage(Value):
    """Every announced template, by key."""

    templates: tuple[CatalogEntry, ...]


class TriggerEntry(Value):
    """A trigger (with ``event_type``) or schedule (with ``cron``) as it is declared, and whether it acts now."""

    model_config = ConfigDict(frozen=True, from_attributes=True, extra="ignore")

    name: str
    template_key: str
    inputs: dict[str, Any]
    event_type: str | None
    condition: str | None
    most_per_trace: int | None
    cron: str | None
    time_zone: str | None
    tenant_id: str | None
    project_id: str | None
    enabled: bool = Field(description="Also false while JOBFORGE_TRIGGERS_ENABLED is off.")
    since: Instant = Field(description="Since when it is so; events and ticks before do not concern it.")
    last_tick: Instant | None = None


class TriggerPage(Value):
    """Every declared trigger and schedule, by name."""

    triggers: tuple[TriggerEntry, ...]


class Flags(Value):
    """Each feature flag and whether it is on."""

    flags: dict[str, bool]


class Switch(BaseModel):
    """On or off."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(strict=True)


class Switched(Value):
    """What was switched."""

    name: str
    enabled: bool
