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


async def test_no_job_holds_the_event_loop_over_50_milliseconds(running: Start) -> None:
    """CPU work runs in a child: the loop that sends heartbeats stays free while it computes."""
    async with running("ingestion", "manifest", "echo") as plane:
        before = await slow_samples(plane.services["echo"].url)
        for _ in range(4):
            accepted = await plane.client.request_job(
                tenant_id="acme", template_key="echo.message.reply", inputs={"burn": 1}
            )
            await plane.client.wait(accepted.job.id, "acme")
        assert await slow_samples(plane.services["echo"].url) - before <= 1  # one for the machine's own hiccups


async def slow_samples(url: str) -> float:
    """How often the loop woke a sleeper more than 50 ms late."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"{url}/metrics")).text
    for family in text_string_to_metric_families(text):
        if family.name == "jobforge_event_loop_lag_seconds":
            counted = {s.labels.get("le"): s.value for s in family.samples if s.name.endswith("_bucket")}
            return counted["+Inf"] - counted["0.05"]
    raise AssertionError("no loop lag is measured")
