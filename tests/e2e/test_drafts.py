"""A draft through real services: grounded in a real index, with one search however often its worker dies."""

from typing import Any

from jobforge.client import AsyncJobForgeClient
from jobforge.testkit.running import Start
from jobforge.testkit.waiting import until

TENANT = "acme"
DRAFT, SEARCH, INDEX = "autopilot.growth.content_draft", "aias.knowledge.search", "aias.knowledge.index"
MANUAL = "A heat pump needs a yearly inspection by a trained person. Bananas taste sweet when they are ripe."


async def test_kill_9_of_a_draft_that_waits_for_its_search_leaves_one_search_and_one_draft(running: Start) -> None:
    """The second attempt meets the search of the first; both share a trace, and the quote is the index's."""
    async with running("ingestion", "manifest", "scheduler", "aias") as plane:
        client, services = plane.client, plane.services
        door, view = services["ingestion"].url, services["manifest"].url
        await services.start("autopilot", JOBFORGE_URL=door, JOBFORGE_QUERY_URL=view)
        await client.put_object("document", "manual", MANUAL.encode(), tenant_id=TENANT, content_type="text/plain")
        await finished(client, await request(client, INDEX, document_ids=["manual"], index_type="keyword"))
        services["aias"].kill()

        draft = await request(client, DRAFT, topic="heat pumps", format="blog", knowledge_index="default")
        await until(lambda: searched(client), timeout=60)
        services["autopilot"].kill()
        await services.start("aias")
        await services.start("autopilot", JOBFORGE_URL=door, JOBFORGE_QUERY_URL=view)

        manifest = await finished(client, draft)
        assert manifest.outputs["generator"] == "extractive"
        assert manifest.outputs["sources"] == [
            {"document_id": "manual", "quote": "A heat pump needs a yearly inspection by a trained person."}
        ]
        assert {artifact.name for artifact in manifest.artifacts} == {"draft.md", "draft.html"}
        searches = await client.list_runs(tenant_id=TENANT, template_key=SEARCH)
        assert [run.trace_id for run in searches] == [manifest.trace.trace_id]


async def searched(client: AsyncJobForgeClient) -> bool:
    """Whether there is a search."""
    return bool(len(await client.list_runs(tenant_id=TENANT, template_key=SEARCH)))


async def request(client: AsyncJobForgeClient, template_key: str, **inputs: Any) -> str:
    """Ask for a job; its id."""
    accepted = await client.request_job(tenant_id=TENANT, template_key=template_key, inputs=inputs)
    return str(accepted.job.id)


async def finished(client: AsyncJobForgeClient, run_id: str) -> Any:
    """The manifest of a job that must succeed."""
    job = await client.wait(run_id, TENANT, timeout=120)
    assert job.status == "succeeded", job.error
    return await client.get_run_manifest(run_id=run_id, tenant_id=TENANT)
