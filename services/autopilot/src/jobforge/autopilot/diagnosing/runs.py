"""Reads a run, and what stands around it, from the plane's doors."""

from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn
from uuid import UUID

from pydantic import BaseModel, ValidationError

from jobforge.autopilot.diagnosing.case import SCAN, Case, Event
from jobforge.autopilot.diagnosing.failures import PlaneRefused, PlaneUnavailable, RunNotEnded, RunNotFound
from jobforge.autopilot.plane import PlaneSettings, connected
from jobforge.autopilot.scanning.results import Check
from jobforge.contracts.jobs import Job as Run
from jobforge.contracts.manifest import RunManifest
from jobforge.execution.job import Job

if TYPE_CHECKING:
    from jobforge.client import AsyncJobForgeClient, JobForgeError

_PATIENCE = 10
"""Seconds for one answer."""
_PATIENCE_FOR_HELP = 2
"""Seconds for what a diagnosis can do without."""
_ENDS_LATER = timedelta(seconds=30)


class _Scanned(BaseModel):
    checks: list[Check]


class Runs:
    """The tenant's runs, by way of the plane."""

    def __init__(self, settings: PlaneSettings) -> None:
        self._settings = settings

    async def case(self, job: Job, run_id: UUID) -> Case:
        """A run of the job's tenant that has ended, with its trace.

        Raises ``RunNotFound``, ``RunNotEnded``, ``PlaneUnavailable`` or ``PlaneRefused``.
        """
        from jobforge.client import JobForgeError

        try:
            async with await job.in_thread(connected, self._settings, _PATIENCE) as client:
                run, manifest = await _ended(client, run_id, job.tenant_id)
                events, others = await _around(client, run, leave_out={run_id, job.run_id})
                checks = await _checks(client, manifest) if manifest.template_key == SCAN else []
            async with await job.in_thread(connected, self._settings, _PATIENCE_FOR_HELP) as client:
                limit, enabled = await _catalog(client, run)
        except JobForgeError as error:
            _refuse(error)
        return Case(run, manifest, events, others, limit, enabled, checks)


async def _ended(client: "AsyncJobForgeClient", run_id: UUID, tenant_id: str) -> tuple[Run, RunManifest]:
    run = await client.get_job(run_id, tenant_id)
    if run is None:
        raise RunNotFound(f"run_id: this tenant has no run {run_id}; GET /v1/runs lists its runs")
    if not run.is_terminal:
        raise RunNotEnded(
            f"run_id: the run {run_id} is {run.status}; ask again when it has ended (GET /v1/runs/{run_id}?wait=30)",
            after=_ENDS_LATER,
        )
    manifest = await client.get_run_manifest(run_id=run_id, tenant_id=tenant_id)
    if manifest is None or manifest.status == "pending":
        raise PlaneUnavailable(f"run_id: the plane does not show the manifest of {run_id} yet")
    return run, manifest


async def _around(client: "AsyncJobForgeClient", run: Run, leave_out: set[UUID]) -> tuple[list[Event], list[Run]]:
    if run.trace_id is None:
        return [], []
    story = await client.get_trace(run.trace_id, run.tenant_id)
    events = [Event(entry.at, entry.event.event_type, entry.event.source_app) for entry in story.entries if entry.event]
    return events, [entry.run for entry in story.entries if entry.run and entry.run.id not in leave_out]


async def _catalog(client: "AsyncJobForgeClient", run: Run) -> tuple[timedelta | None, bool | None]:
    """The time limit of the run's template and whether it is on: a help, not a need."""
    from jobforge.client import JobForgeError

    if run.template_key is None:
        return None, None
    try:
        found = await client.get_template(run.template_key)
    except JobForgeError:
        return None, None
    return timedelta(seconds=found.timeout_seconds), found.enabled


async def _checks(client: "AsyncJobForgeClient", manifest: RunManifest) -> list[Check]:
    """What a scan found; nothing if it failed."""
    if manifest.outputs is None:
        return []
    try:
        if stored := manifest.outputs.get("$artifact"):  # too much for a manifest
            data = await client.get_artifact(manifest.run_id, str(stored), manifest.tenant_id)
            return _Scanned.model_validate_json(data).checks
        return _Scanned.model_validate(manifest.outputs).checks
    except ValidationError:
        return []  # of another version of the scan


def _refuse(error: "JobForgeError") -> NoReturn:
    from jobforge.client import JobForgeQuotaExceeded, JobForgeUnavailable

    why = f"run_id: the plane does not show the run: {error.message} ({error.code}); see JOBFORGE_QUERY_URL"
    if error.transient or isinstance(error, JobForgeQuotaExceeded):
        asked = error.retry_after if isinstance(error, JobForgeUnavailable) else None
        raise PlaneUnavailable(why, after=None if asked is None else timedelta(seconds=min(asked, 600))) from None
    raise PlaneRefused(why) from None
