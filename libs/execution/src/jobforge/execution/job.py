"""What a template sees of the run it works for."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar
from uuid import UUID

from jobforge.chassis.artifacts import StoredObject

R = TypeVar("R")


class Job(Protocol):
    """One attempt at a run."""

    run_id: UUID
    tenant_id: str
    project_id: str | None
    attempt: int
    dry_run: bool
    trace_id: str

    async def progress(self, fraction: float, message: str | None = None) -> None:
        """Tell watchers how far the job is (0 to 1). At most a few a second reach the log."""
        ...

    async def read_object(self, kind: str, object_id: str) -> StoredObject:
        """An uploaded object of the run's tenant; the manifest names it. Raises ``ObjectMissing``."""
        ...

    async def write_artifact(self, name: str, data: bytes | str, media_type: str) -> None:
        """Store a file under the run; it is listed in the manifest only if this attempt wins."""
        ...

    async def in_process(self, function: Callable[..., R], *args: Any) -> R:
        """Run CPU work in a child process that can be killed alone; function and arguments must pickle.

        The child is killed when the job times out or is stopped. Exceptions of the function come back as they are.
        Raises ``ChildDied`` when the child ends without an answer.
        """
        ...

    async def in_thread(self, function: Callable[..., R], *args: Any) -> R:
        """Run blocking I/O in the service's own thread pool."""
        ...

    async def effect(self, step: str, act: Callable[[str], Awaitable[R]], **what: Any) -> R | None:
        """Do something to the world: ``act`` is given the effect's key, and what it returns comes back.

        In a dry run nothing is done and None comes back; the step and ``what`` (JSON, which the manifest shows to its
        readers) are listed in ``outputs.planned_effects``.
        """
        ...

    def effect_key(self, step: str) -> str:
        """The idempotency key of something this run does to the world: the same for every attempt and every replay.

        ``step`` tells several effects of one run apart; 1 to 64 of ``A-Z a-z 0-9 _ . -``. A dry run has no keys, so
        that nothing can act in it: ``EffectInDryRun``. ``effect`` is the way that works in both.
        """
        ...

    def measure(self, name: str, value: float) -> None:
        """Put a number into the manifest's ``metrics``."""
        ...

    def used_tool(self, name: str, version: str) -> None:
        """Put a library's version into the manifest's ``tool_versions``."""
        ...
