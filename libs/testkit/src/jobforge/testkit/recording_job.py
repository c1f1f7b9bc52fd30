"""A job for a template's own test: it keeps what the template does, without a plane."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeVar
from uuid import UUID

from jobforge.chassis.artifacts import StoredObject
from jobforge.execution.children import Children
from jobforge.execution.errors import EffectInDryRun, ObjectMissing

R = TypeVar("R")
_RUN = UUID("00000000-0000-8000-8000-000000000001")


@dataclass
class RecordingJob:
    """Give it the uploaded objects by ``(kind, object_id)``; afterwards ask what was written, measured and reported.

    CPU work goes to a real child process, so what does not pickle fails here as it would in a service.
    """

    objects: dict[tuple[str, str], bytes | tuple[bytes, str]] = field(default_factory=dict)
    """Bytes, or bytes and content type, by kind and id."""
    run_id: UUID = _RUN
    tenant_id: str = "acme"
    project_id: str | None = None
    attempt: int = 1
    dry_run: bool = False
    trace_id: str = "trace_1763938000001_k3x9q2m7a"
    artifacts: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    """Bytes and media type of each artifact, by name."""
    reported: list[tuple[float, str | None]] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    tool_versions: dict[str, str] = field(default_factory=dict)
    effects: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What each effect was said to be, by step: done, or in a dry run planned."""
    children: Children = field(default_factory=lambda: Children(1))

    async def progress(self, fraction: float, message: str | None = None) -> None:
        """Kept in ``reported``."""
        self.reported.append((fraction, message))

    async def read_object(self, kind: str, object_id: str) -> StoredObject:
        """One of ``objects``; raises ``ObjectMissing``."""
        found = self.objects.get((kind, object_id))
        if found is None:
            raise ObjectMissing(f"{kind} {object_id}")
        data, content_type = (found, "application/octet-stream") if isinstance(found, bytes) else found
        return StoredObject(kind, object_id, data, len(data), sha256(data).hexdigest(), content_type)

    async def write_artifact(self, name: str, data: bytes | str, media_type: str) -> None:
        """Kept in ``artifacts``; a name may be written once."""
        if name in self.artifacts:
            raise AssertionError(f"the artifact {name} was written twice")
        self.artifacts[name] = (data.encode() if isinstance(data, str) else data, media_type)

    async def in_process(self, function: Callable[..., R], *args: Any) -> R:
        """In a real child process."""
        return await self.children.run(function, *args)

    async def in_thread(self, function: Callable[..., R], *args: Any) -> R:
        """At once, since a test need not wait for its turn."""
        return function(*args)

    async def effect(self, step: str, act: Callable[[str], Awaitable[R]], **what: Any) -> R | None:
        """Kept in ``effects``; see ``Job.effect``."""
        self.effects[step] = what
        return None if self.dry_run else await act(self.effect_key(step))

    def effect_key(self, step: str) -> str:
        """See ``Job.effect_key``."""
        if self.dry_run:
            raise EffectInDryRun(step)
        return f"{self.run_id}:{step}"

    def measure(self, name: str, value: float) -> None:
        """Kept in ``metrics``."""
        self.metrics[name] = value

    def used_tool(self, name: str, version: str) -> None:
        """Kept in ``tool_versions``."""
        self.tool_versions[name] = version
