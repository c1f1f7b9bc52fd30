"""The answers of this door that are no message: outcomes of a batch, uploads, the catalog and its switches."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from jobforge.contracts.base import Value
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
