"""Jobs: how an app asks for one, the accepted request, and the state everybody sees."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from jobforge.contracts.base import (
    ActorId,
    Instant,
    JsonObject,
    Message,
    ProjectId,
    Sha256,
    SourceApp,
    StrictInput,
    TemplateKey,
    TenantId,
    TraceId,
    Value,
    written,
)

IdempotencyKey = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]

JobStatus = Literal["queued", "running", "retrying", "succeeded", "failed", "canceled"]
TERMINAL_STATUSES: frozenset[str] = frozenset({"succeeded", "failed", "canceled"})


class JobSubmission(StrictInput):
    """A job request as an app sends it (``POST /v1/jobs``, or ``kind: job`` on an inbox topic)."""

    tenant_id: TenantId
    project_id: ProjectId | None = None
    template_key: TemplateKey
    inputs: JsonObject = Field(default_factory=dict)
    trace_id: TraceId | None = Field(default=None, description="Made by JobForge when absent.")
    actor_id: ActorId | None = None
    source_app: SourceApp | None = None
    dry_run: bool = Field(
        default=False,
        description="Do nothing to the world: a pure template runs as always, a keyed one lists its effects in "
        "outputs.planned_effects.",
    )
    policy_token: str | None = Field(default=None, max_length=4096)
    start_within: float | None = Field(
        default=None,
        gt=0,
        le=2_592_000,
        description="Seconds in which an attempt must have begun; later the run ends with job.expired.",
    )


class RequestedBy(Value):
    """Who asked for a run."""

    actor_id: str | None = None
    source_app: str | None = None


class JobRequested(Message):
    """The accepted request: this one record on ``jobforge.jobs.<domain>`` is the job."""

    run_id: UUID
    tenant_id: TenantId
    project_id: ProjectId | None = None
    template_key: TemplateKey
    template_version: str
    inputs: JsonObject
    body_digest: Sha256 = Field(description="Over tenant, project, template_key, inputs and dry_run.")
    trace_id: TraceId
    dry_run: bool = False
    requested_by: RequestedBy = RequestedBy()
    replay_of: UUID | None = None
    root_run_id: UUID | None = Field(
        default=None, description="The run whose replay this is at the bottom; it names keyed effects. Null: this run."
    )
    attempts: int = Field(default=1, ge=1, description="How many attempts the template grants.")
    key_made_at: Instant | None = Field(
        default=None, description="When the key that names the run was made, at the earliest; null: at any time."
    )
    start_by: Instant | None = Field(
        default=None, description="A run that has not begun by then ends with job.expired."
    )
    requested_at: Instant

    def to_bytes(self) -> bytes:
        """See ``Message.to_bytes``; inputs hold no NaN or infinity, which ingestion refuses."""
        return written(self, self.key_made_at, self.start_by, self.requested_at)


class Progress(Value):
    """How far a run is: ``fraction`` from 0 to 1."""

    fraction: float = Field(ge=0, le=1)
    message: str | None = None


class JobError(Value):
    """Why a run failed. ``code`` is stable; ``cause`` is the last error of a run whose attempts are spent."""

    code: str
    message: str
    retryable: bool = False
    cause: JsonObject | None = None
    dead_letter: str | None = None


class Job(Value):
    """A job as every door shows it."""

    id: UUID
    tenant_id: TenantId
    project_id: ProjectId | None = None
    template_key: str | None
    template_version: str | None = None
    status: JobStatus
    attempt: int = 0
    max_attempts: int = 1
    progress: Progress | None = None
    error: JobError | None = None
    trace_id: str | None = None
    dry_run: bool = False
    requested_by: RequestedBy = RequestedBy()
    cancel_requested: bool = False
    replay_of: UUID | None = None
    created_at: Instant | None = None
    started_at: Instant | None = None
    finished_at: Instant | None = None
    as_of: str | None = Field(default=None, description="The log position this answer was read at.")

    @property
    def is_terminal(self) -> bool:
        """Whether nothing can change this job any more."""
        return self.status in TERMINAL_STATUSES


class JobAccepted(Value):
    """The answer to an accepted job request."""

    job: Job
    trace_id: TraceId
    audit_id: str | None = None
    dry_run: bool = False
