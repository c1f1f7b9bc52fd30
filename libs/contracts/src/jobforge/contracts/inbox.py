"""What an app publishes by itself on ``jobforge.inbox.<source_app>`` instead of calling HTTP."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, TypeAdapter

from jobforge.contracts.envelope import EventSubmission
from jobforge.contracts.jobs import IdempotencyKey, JobSubmission

OPERATORS_APP = "jobforge"
"""The app on whose inbox operators' commands publish; it alone may say whose replay a request is."""


class InboxEvent(EventSubmission):
    """An event, as ``POST /v1/events`` takes it, with ``kind``."""

    schema_version: int = Field(default=1, ge=1)
    kind: Literal["event"]


class InboxJob(JobSubmission):
    """A job request, as ``POST /v1/jobs`` takes it, with ``kind``; without a key its position names the run."""

    schema_version: int = Field(default=1, ge=1)
    kind: Literal["job"]
    idempotency_key: IdempotencyKey | None = None
    replay_of: UUID | None = Field(default=None, description="The run of the same tenant that this one repeats.")
    root_run_id: UUID | None = Field(default=None, description="Where a chain of replays began; names keyed effects.")


InboxRecord = Annotated[InboxEvent | InboxJob, Field(discriminator="kind")]
INBOX: TypeAdapter[Any] = TypeAdapter(InboxRecord)
"""Parses one inbox record by its ``kind``."""
