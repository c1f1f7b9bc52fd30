"""A knowledge index through real services: what a crash and another job at the same time leave of it."""

import json
from typing import Any

from jobforge.client import AsyncJobForgeClient
from jobforge.testkit.running import Running, Start
from jobforge.testkit.waiting import until

DOCUMENTS = 200
WORDS = "The lever of pump {number} is green and stands upright before anybody starts it. " * 250
TENANT = "acme"


async def test_kill_9_in_the_middle_of_indexing_and_a_second_job_on_the_index_lose_and_double_nothing(
    running: Start,
) -> None:
    """Both jobs succeed, every document is found once, and what the second job replaced and removed stays so."""
    async with running("ingestion", "manifest", "scheduler", "aias") as plane:
        names = [f"d-{number}" for number in range(DOCUMENTS)]
        for number, name in enumerate(names):
            await put(plane.client, name, WORDS.format(number=number))
        await put(plane.client, "old", "The zeppelin rises.")
        await finished(plane.client, await index(plane.client, document_ids=["old"]))

        first = await index(plane.client, document_ids=names)
        await until_it_reads(plane, first)
        plane.services["aias"].kill()
        job = await plane.client.get_job(first, TENANT)
        assert job is not None
        assert not job.is_terminal, "the crash came too late to prove anything"
        await put(plane.client, "new", "A submarine dives.")
        second = await index(plane.client, document_ids=["new"], remove_document_ids=["old"])
        await plane.services.start("aias")

        outputs = [await finished(plane.client, each) for each in (first, second)]
        assert outputs[0]["documents"] == DOCUMENTS
        assert outputs[1]["removed"] == 1
        assert max(each["total_documents"] for each in outputs) >= DOCUMENTS + 1
        assert await found(plane.client, "zeppelin") == []
        assert await found(plane.client, "submarine") == ["new"]
        everything = await found(plane.client, "green lever", k=100)
        assert len(everything) == len(set(everything)) == 100
        for number in (0, DOCUMENTS // 2, DOCUMENTS - 1):
            assert await found(plane.client, f"pump {number}", k=1) == [f"d-{number}"]


async def until_it_reads(plane: Running, run_id: str) -> None:
    """Wait until the job says that some documents are read, and not all."""

    async def reading() -> bool:
        job = await plane.client.get_job(run_id, TENANT)
        return job is not None and job.progress is not None and job.progress.fraction > 0

    await until(reading, timeout=60)


async def put(client: AsyncJobForgeClient, name: str, text: str) -> None:
    """Upload a document."""
    await client.put_object("document", name, text.encode(), tenant_id=TENANT, content_type="text/plain")


async def index(client: AsyncJobForgeClient, **inputs: Any) -> str:
    """Request an index job; its id."""
    accepted = await client.request_job(
        tenant_id=TENANT, template_key="aias.knowledge.index", inputs={"index_type": "keyword", **inputs}
    )
    return str(accepted.job.id)


async def finished(client: AsyncJobForgeClient, run_id: str) -> dict[str, Any]:
    """The outputs of a job that must succeed."""
    job = await client.wait(run_id, TENANT, timeout=120)
    assert job.status == "succeeded", job.error
    manifest = await client.get_run_manifest(run_id=run_id, tenant_id=TENANT)
    assert manifest is not None
    assert manifest.outputs is not None
    return dict(manifest.outputs)


async def found(client: AsyncJobForgeClient, query: str, k: int = 10) -> list[str]:
    """The documents that a search job finds."""
    accepted = await client.request_job(
        tenant_id=TENANT, template_key="aias.knowledge.search", inputs={"query": query, "k": k}
    )
    outputs = await finished(client, str(accepted.job.id))
    if "$artifact" in outputs:  # too much for a manifest
        data = await client.get_artifact(str(accepted.job.id), outputs["$artifact"], TENANT)
        outputs = json.loads(data)
    return [hit["document_id"] for hit in outputs["hits"]]
