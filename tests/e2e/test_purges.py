"""What a crash may cost a cache: the same purge twice under one key, never none."""

import asyncio
import json
from collections import Counter

from jobforge.testkit.http_caches import SITE, gate, varnish
from jobforge.testkit.running import Running, Start
from jobforge.testkit.waiting import until

EACH = 20


async def test_kill_9_between_the_caches_answer_and_our_record_purges_every_page_under_its_runs_key(
    running: Start,
) -> None:
    """Varnish has dropped a page, the worker dies before it hears so: what comes again bears the same key."""
    with varnish() as cache, gate(cache) as way:
        pages = [f"/page/{number}" for number in range(EACH)]
        held = [cache.read(page) for page in pages]
        assert held == [cache.read(page) for page in pages]
        settings = {"default": {"kind": "purge", "url": way.url, "hosts": [SITE]}}
        variables = {"JOBFORGE_READYLAYER_CACHES": json.dumps(settings)}
        async with running("ingestion", "manifest", "readylayer", "scheduler", **variables) as plane:
            way.open.clear()
            runs = [await ask(plane, page) for page in pages]
            await until(lambda: bool(way.keys), timeout=60)
            plane.services["readylayer"].kill()
            unheard = set(way.keys)
            way.open.set()
            await plane.services.start("readylayer")

            jobs = await asyncio.gather(*(plane.client.wait(run_id, "acme", timeout=120) for run_id in runs))
            assert {job.status for job in jobs} == {"succeeded"}

        assert set(way.keys) == {f"{run_id}:purge" for run_id in runs}
        assert unheard <= {key for key, times in Counter(way.keys).items() if times > 1}
        fresh = [cache.read(page) for page in pages]
        assert all(old != new for old, new in zip(held, fresh, strict=True))


async def ask(plane: Running, page: str) -> str:
    """Request one purge; returns its run."""
    accepted = await plane.client.request_job(
        tenant_id="acme", template_key="readylayer.cache.purge", inputs={"urls": [page]}
    )
    return str(accepted.job.id)
