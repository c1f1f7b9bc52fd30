"""Asks the plane what a tenant's knowledge index holds on a topic: services meet in jobs, not in imports."""

from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

from pydantic import BaseModel, ValidationError

from jobforge.autopilot.drafting.brief import Source
from jobforge.autopilot.drafting.failures import (
    KnowledgeIndexMissing,
    KnowledgeRefused,
    KnowledgeSearchFailed,
    KnowledgeUnavailable,
)
from jobforge.autopilot.plane import PlaneSettings, connected
from jobforge.contracts.jobs import Job as Run
from jobforge.execution.job import Job

if TYPE_CHECKING:
    from jobforge.client import AsyncJobForgeClient, JobForgeError

TEMPLATE = "aias.knowledge.search"
STEP = "knowledge.search"
"""Names the search within its run: with the run's id it is the key of the search, so every attempt meets the same."""


class Hit(BaseModel):
    """What a draft needs of a search's hit."""

    document_id: str
    passage: str


class Hits(BaseModel):
    """What a draft needs of a search's outputs."""

    hits: list[Hit]


class Knowledge:
    """The tenant's knowledge, by way of the plane."""

    def __init__(self, settings: PlaneSettings) -> None:
        self._settings = settings

    async def passages(self, job: Job, index: str, query: str, k: int) -> tuple[Source, ...]:
        """The ``k`` best passages, from a search run of the same tenant and trace; an index may hold none.

        Raises ``KnowledgeIndexMissing``, ``KnowledgeRefused``, ``KnowledgeSearchFailed`` or ``KnowledgeUnavailable``.
        """
        from jobforge.client import JobForgeError

        try:
            async with await job.in_thread(connected, self._settings, 15) as client:
                run = await self._search(client, job, {"query": query, "k": k, "index": index})
                _check(run, index)
                hits = await _hits(client, run)
        except JobForgeError as error:
            _refuse(error)
        return tuple(Source(hit.document_id, hit.passage) for hit in hits)

    async def _search(self, client: "AsyncJobForgeClient", job: Job, inputs: dict[str, str | int]) -> Run:
        accepted = await client.request_job(
            tenant_id=job.tenant_id,
            project_id=job.project_id,
            template_key=TEMPLATE,
            inputs=inputs,
            trace_id=job.trace_id,
            actor_id=f"run:{job.run_id}",
            idempotency_key=f"{job.run_id}:{STEP}",
            dry_run=job.dry_run,
        )
        run: Run = await client.wait(accepted.job.id, job.tenant_id, timeout=self._settings.autopilot_search_wait)
        return run


def _check(run: Run, index: str) -> None:
    if run.status == "succeeded":
        return
    code = run.error.code if run.error else "job.canceled"
    if code == "index.not_found":
        raise KnowledgeIndexMissing(
            f"knowledge_index: the tenant has no index {index!r}; make it with aias.knowledge.index"
        )
    said = run.error.message if run.error else "it was canceled"
    raise KnowledgeSearchFailed(f"knowledge_index: the search in {index!r} (run {run.id}) failed with {code}: {said}")


async def _hits(client: "AsyncJobForgeClient", run: Run) -> list[Hit]:
    manifest = await client.get_run_manifest(run_id=run.id, tenant_id=run.tenant_id)
    if manifest is None or manifest.outputs is None:
        raise KnowledgeUnavailable(f"knowledge_index: the plane does not show the search (run {run.id}) yet")
    try:
        if stored := manifest.outputs.get("$artifact"):  # too much for a manifest
            return Hits.model_validate_json(await client.get_artifact(run.id, str(stored), run.tenant_id)).hits
        return Hits.model_validate(manifest.outputs).hits
    except ValidationError:
        raise KnowledgeSearchFailed(f"knowledge_index: run {run.id} answered what is no list of hits") from None


def _refuse(error: "JobForgeError") -> NoReturn:
    from jobforge.client import JobForgeQuotaExceeded, JobForgeUnavailable

    why = f"knowledge_index: the plane did not search: {error.message} ({error.code})"
    if error.transient or isinstance(error, JobForgeQuotaExceeded):
        asked = error.retry_after if isinstance(error, JobForgeUnavailable) else None
        raise KnowledgeUnavailable(why, after=None if asked is None else timedelta(seconds=min(asked, 600))) from None
    raise KnowledgeRefused(why) from None
