"""What happens to a run, as facts on ``jobforge.runs`` in the order of the log."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, TypeAdapter

from jobforge.contracts.base import Instant, JsonObject, Message, Sha256, TenantId, Value, written
from jobforge.contracts.jobs import JobError, Progress, RequestedBy


class Environment(Value):
    """Where an attempt ran."""

    service: str
    version: str
    python: str
    platform: str
    host: str


class ObjectRead(Value):
    """An uploaded object an attempt read, and what its bytes were."""

    kind: str
    id: str
    sha256: Sha256


class ArtifactWritten(Value):
    """A file an attempt wrote. ``location`` is its path in the artifact store."""

    name: str
    media_type: str
    size: int
    sha256: Sha256
    location: str


class RequestSnapshot(Value):
    """What the manifest needs to say about the request, carried by every terminal record."""

    project_id: str | None = None
    template_key: str
    template_version: str
    inputs: JsonObject = Field(description="With sensitive fields redacted.")
    inputs_digest: Sha256 = Field(description="sha256 of the unredacted inputs' canonical JSON.")
    trace_id: str
    dry_run: bool = False
    requested_by: RequestedBy = RequestedBy()
    replay_of: UUID | None = None
    max_attempts: int = 1
    requested_at: Instant


class RunRecord(Message):
    """What every record of a run carries."""

    run_id: UUID
    tenant_id: TenantId


class RunStarted(RunRecord):
    """An attempt began. Sent before the outcome on the same partition; nothing waits for its acknowledgement."""

    type: Literal["RunStarted"] = "RunStarted"
    attempt: int
    claim: str
    worker: str
    started_at: Instant
    deadline: Instant | None = Field(default=None, description="When the template's timeout is over.")
    fence: int = Field(default=0, description="Grows with each claim of the run, as far as the lease store remembers.")

    def to_bytes(self) -> bytes:
        """See ``Message.to_bytes``."""
        return written(self, self.started_at, self.deadline)


class RunProgressed(RunRecord):
    """A running attempt said how far it is."""

    type: Literal["RunProgressed"] = "RunProgressed"
    attempt: int
    progress: Progress
    at: Instant


class RunCancelRequested(RunRecord):
    """Somebody asked to cancel the run; on a terminal run it does nothing."""

    type: Literal["RunCancelRequested"] = "RunCancelRequested"
    actor_id: str | None = None
    at: Instant


class RunRetrying(RunRecord):
    """An attempt failed and the next one waits in a retry topic, which holds it already."""

    type: Literal["RunRetrying"] = "RunRetrying"
    attempt: int = Field(description="The attempt that failed.")
    claim: str
    worker: str
    started_at: Instant
    finished_at: Instant
    error: JobError
    next_attempt: int
    not_before: Instant


class Outcome(RunRecord):
    """What the terminal records of an attempt carry; the first terminal record in the log is the run's end."""

    request: RequestSnapshot | None = Field(description="Null only when the request itself was unreadable.")
    attempt: int
    claim: str
    worker: str
    started_at: Instant | None
    finished_at: Instant
    fence: int = 0
    objects_read: tuple[ObjectRead, ...] = ()
    metrics: JsonObject = Field(default_factory=dict)
    environment: Environment
    tool_versions: dict[str, str] = Field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """See ``Message.to_bytes``; inputs, outputs and metrics hold no NaN or infinity, which the worker refuses."""
        asked = None if self.request is None else self.request.requested_at
        return written(self, asked, self.started_at, self.finished_at)


class RunSucceeded(Outcome):
    """The run ended with outputs."""

    type: Literal["RunSucceeded"] = "RunSucceeded"
    outputs: JsonObject
    artifacts: tuple[ArtifactWritten, ...] = ()


class RunFailed(Outcome):
    """The run ended without outputs, and why."""

    type: Literal["RunFailed"] = "RunFailed"
    error: JobError


class RunCanceled(Outcome):
    """The run ended because somebody asked for it; what the attempt wrote is not referenced."""

    type: Literal["RunCanceled"] = "RunCanceled"
    error: JobError


class RunRestored(RunRecord):
    """The run had ended before, longer ago than the view remembers: its manifest from the archive, unchanged."""

    type: Literal["RunRestored"] = "RunRestored"
    manifest: JsonObject


AnyRunRecord = Annotated[
    RunStarted
    | RunProgressed
    | RunRetrying
    | RunCancelRequested
    | RunSucceeded
    | RunFailed
    | RunCanceled
    | RunRestored,
    Field(discriminator="type"),
]
RUN_RECORDS: TypeAdapter[Any] = TypeAdapter(AnyRunRecord)
"""Parses one record of ``jobforge.runs`` by its ``type``."""
