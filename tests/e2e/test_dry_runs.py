"""A dry run through every service: what it would do stands in its manifest, and nobody outside has heard of it."""

import asyncio

from jobforge.testkit.running import Start


async def test_the_manifest_of_a_dry_run_lists_the_effects_that_were_withheld(running: Start) -> None:
    """The far side sees no connection at all."""
    callers: list[object] = []

    def called(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        callers.append(writer.get_extra_info("peername"))
        writer.close()

    far_side = await asyncio.start_server(called, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{far_side.sockets[0].getsockname()[1]}/"
    async with far_side, running("ingestion", "manifest", "echo") as plane:
        accepted = await plane.client.request_job(
            tenant_id="acme", template_key="echo.effect.post", inputs={"url": url, "message": "pay"}, dry_run=True
        )
        job = await plane.client.wait(accepted.job.id, "acme", timeout=30)
        manifest = await plane.client.get_run_manifest(run_id=accepted.job.id, tenant_id="acme")
    assert accepted.dry_run
    assert (job.status, job.dry_run) == ("succeeded", True)
    assert manifest is not None
    assert manifest.dry_run
    assert manifest.outputs is not None
    assert manifest.outputs["planned_effects"] == [{"step": "post", "url": url, "message": "pay"}]
    assert callers == []
