"""Deletes the artifacts that no manifest names: those of attempts that failed, were lost or ended too late."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from random import uniform
from uuid import UUID

from jobforge.chassis.artifacts import ArtifactFile, ArtifactStore, StoreUnavailable
from jobforge.chassis.logs import get_logger
from jobforge.chassis.metrics import ARTIFACT_BYTES_SWEPT, ARTIFACTS_SWEPT
from jobforge.contracts.manifest import RunManifest

EVERY = timedelta(hours=6)
FIRST_WAIT = timedelta(minutes=10)
"""Waits are stretched or shortened by up to a quarter, so that replicas sweep at different times."""
AT_ONCE = 8
"""Runs whose manifests are read together."""

log = get_logger()


class Unjudgeable(Exception):
    """What the archive holds for a run is not its terminal manifest."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found among the files that are old enough."""

    files: int = 0
    """Deleted."""
    size: int = 0
    """Of those, in bytes."""
    unended: int = 0
    """Left alone: their run has no manifest in the archive."""
    failed: int = 0
    """Left alone: the store refused, or the manifest cannot be read."""

    def __add__(self, other: "Swept") -> "Swept":
        return Swept(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))


def _now() -> datetime:
    return datetime.now(UTC)


class Sweeper:
    """Replicas need not agree: a run's first manifest is its only one, and what it does not name stays unnamed."""

    def __init__(self, store: ArtifactStore, *, after: timedelta, now: Callable[[], datetime] = _now) -> None:
        self._store = store
        self._after = after
        self._now = now

    async def run(self) -> None:
        """Sweep from time to time until cancelled; a store that is away is tried again the next time."""
        wait = FIRST_WAIT
        while True:
            await asyncio.sleep(wait.total_seconds() * uniform(0.75, 1.25))  # noqa: S311 - nothing secret
            try:
                swept = await self.sweep()
            except StoreUnavailable as error:
                log.warning("artifacts.sweep_broke_off", error=str(error), again_in=EVERY.total_seconds())
            else:
                log.info(
                    "artifacts.swept", files=swept.files, size=swept.size, unended=swept.unended, failed=swept.failed
                )
            wait = EVERY

    async def sweep(self) -> Swept:
        """Look at every artifact once; raises ``StoreUnavailable`` when they cannot be listed to the end."""
        before = self._now() - self._after
        total = Swept()
        async for page in self._store.list_artifacts():
            runs: dict[tuple[str, UUID], list[ArtifactFile]] = defaultdict(list)
            for file in page:
                if file.written_at < before:
                    runs[file.tenant_id, file.run_id].append(file)
            old = list(runs.items())
            for some in (old[at : at + AT_ONCE] for at in range(0, len(old), AT_ONCE)):
                total = sum(await asyncio.gather(*(self._sweep_run(*run, files) for run, files in some)), total)
        return total

    async def _sweep_run(self, tenant_id: str, run_id: UUID, files: Sequence[ArtifactFile]) -> Swept:
        try:
            named = await self._named(tenant_id, run_id)
        except (StoreUnavailable, Unjudgeable) as error:
            log.warning("artifacts.not_judged", tenant_id=tenant_id, run_id=str(run_id), error=str(error))
            return Swept(failed=len(files))
        if named is None:
            return Swept(unended=len(files))
        return sum([await self._delete(file) for file in files if file.location not in named], Swept())

    async def _named(self, tenant_id: str, run_id: UUID) -> frozenset[str] | None:
        """The artifacts that the run's terminal manifest names; None while the archive has no manifest."""
        archived = await self._store.read_manifest(tenant_id, run_id)
        if archived is None:
            return None
        try:
            manifest = RunManifest.model_validate_json(archived)
        except ValueError as error:
            raise Unjudgeable("the archive holds no manifest") from error
        if (manifest.tenant_id, manifest.run_id) != (tenant_id, run_id) or manifest.status == "pending":
            raise Unjudgeable("the archive holds another manifest")
        return frozenset(artifact.location for artifact in manifest.artifacts)

    async def _delete(self, file: ArtifactFile) -> Swept:
        try:
            deleted = await self._store.delete_artifact(file.location)
        except StoreUnavailable as error:
            log.warning("artifacts.not_deleted", location=file.location, error=str(error))
            return Swept(failed=1)
        if not deleted:
            return Swept()
        ARTIFACTS_SWEPT.inc()
        ARTIFACT_BYTES_SWEPT.inc(file.size)
        return Swept(files=1, size=file.size)
