"""What an idle service may take of the machine, and what a job may take of its event loop."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from jobforge.native.services import registered
from jobforge.testkit.running import Start

MIB = 1024 * 1024


async def test_every_service_idles_within_130_mib_resident(running: Start) -> None:
    """Heavy libraries are imported in child processes only."""
    names = [service.name for service in registered()]
    async with running(*names) as plane:
        resident = {name: plane.services[name].resident_bytes / MIB for name in names}
    assert {name: size for name, size in resident.items() if size > 130} == {}


async def test_cpu_work_of_a_job_never_holds_the_event_loop(running: Start) -> None:
    """Four jobs compute for a second each, in a child: had one done so on the loop, a sleeper there would be a second
    late. A busy machine alone makes it late by tens of milliseconds."""
    async with running("ingestion", "manifest", "echo") as plane:
        before = await late_samples(plane.services["echo"].url)
        for _ in range(4):
            accepted = await plane.client.request_job(
                tenant_id="acme", template_key="echo.message.reply", inputs={"burn": 1}
            )
            await plane.client.wait(accepted.job.id, "acme")
        assert await late_samples(plane.services["echo"].url) == before


async def late_samples(url: str) -> float:
    """How often the loop woke a sleeper more than half a second late."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"{url}/metrics")).text
    for family in text_string_to_metric_families(text):
        if family.name == "jobforge_event_loop_lag_seconds":
            counted = {s.labels.get("le"): s.value for s in family.samples if s.name.endswith("_bucket")}
            return counted["+Inf"] - counted["0.5"]
    raise AssertionError("no loop lag is measured")
