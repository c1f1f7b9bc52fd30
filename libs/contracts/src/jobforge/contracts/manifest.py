"""The manifest: what ran, on what, with what result."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from jobforge.contracts.base import Instant, JsonObject, Message, Sha256, TenantId, Value
from jobforge.contracts.canonical import digest
from jobforge.contracts.jobs import JobError, RequestedBy
from jobforge.contracts.runs import Environment, ObjectRead

ManifestStatus = Literal["pending", "complete", "failed"]
_OUTSIDE_DIGEST = frozenset({"digest", "duplicates", "url"})


class Artifact(Value):
    """A file of the winning attempt. ``url`` is where to fetch it; it is added on read, outside the digest."""

    name: str
    media_type: str
    size: int
    sha256: Sha256
    location: str
    url: str | None = None


class Attempt(Value):
    """One try at the run."""

    number: int
    worker: str
    started_at: Instant | None
    finished_at: Instant | None = None
    outcome: Literal["succeeded", "failed", "canceled", "lost"] | None = None
    error: JobError | None = None


class Timings(Value):
    """When things happened; ``queued_for`` and ``ran_for`` are seconds."""

    requested_at: Instant | None = None
    queued_for: float | None = None
    ran_for: float | None = None
    finished_at: Instant | None = None


class TraceReference(Value):
    """Where the run's trace is. ``url`` is added on read, outside the digest."""

    trace_id: str | None = None
    otel_trace_id: str | None = None
    url: str | None = None


class RunManifest(Message):
    """The record of a run. ``digest`` is null while the run is unfinished."""

    run_id: UUID
    tenant_id: TenantId
    project_id: str | None = None
    template_key: str | None = None
    template_version: str | None = None
    status: ManifestStatus
    dry_run: bool = False
    replay_of: UUID | None = None
    requested_by: RequestedBy = RequestedBy()
    inputs: JsonObject = Field(default_factory=dict)
    inputs_digest: Sha256 | None = None
    objects_read: tuple[ObjectRead, ...] = ()
    outputs: JsonObject | None = None
    artifacts: tuple[Artifact, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    timings: Timings = Timings()
    metrics: JsonObject = Field(default_factory=dict)
    environment: Environment | None = None
    tool_versions: dict[str, str] = Field(default_factory=dict)
    error: JobError | None = None
    trace: TraceReference = TraceReference()
    duplicates: int = Field(default=0, description="Terminal records after the first; added on read.")
    digest: str | None = Field(default=None, description="sha256 of the canonical JSON without this field and urls.")

    def sealed(self) -> "RunManifest":
        """This manifest with its digest."""
        return self.model_copy(update={"digest": manifest_digest(self)})


def manifest_digest(manifest: RunManifest) -> str:
    """sha256 (hex) of the manifest's RFC 8785 canonical JSON without ``digest``, ``duplicates`` and every ``url``.

    Only the manifest's own addresses are left out; a key ``url`` inside inputs, outputs or metrics counts.
    """
    return content_digest(manifest.model_dump(mode="json", exclude=set(_OUTSIDE_DIGEST)))


def content_digest(content: JsonObject) -> str:
    """``manifest_digest`` of a manifest as it was written, also by a version with other fields than this one."""
    kept = {name: value for name, value in content.items() if name not in _OUTSIDE_DIGEST}
    kept["artifacts"] = [_without_url(artifact) for artifact in kept["artifacts"]]
    kept["trace"] = _without_url(kept["trace"])
    return digest(kept)


def _without_url(value: JsonObject) -> JsonObject:
    return {name: item for name, item in value.items() if name != "url"}
