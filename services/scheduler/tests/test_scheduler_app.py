"""The service as it is served, before anything is there to connect to."""

import httpx

from jobforge.chassis.settings import Settings
from jobforge.contracts.topics import RETRY_TIERS
from jobforge.scheduler.app import create_app


async def test_the_page_shows_every_retry_topic_and_what_is_written() -> None:
    """Made without a broker or a Redis; it is not ready then, and says why."""
    app = create_app(Settings(kafka_bootstrap="127.0.0.1:1", redis_url="redis://127.0.0.1:1/0"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://scheduler") as http:
        page = await http.get("/docs/asyncapi")
        ready = await http.get("/readyz")
        metrics = await http.get("/metrics")
    assert page.status_code == 200
    for topic in (*(tier.topic.name for tier in RETRY_TIERS), "jobforge.runs", "jobforge.jobs.{domain}"):
        assert topic in page.text
    assert (ready.status_code, ready.json()["checks"]["deadlines"]["problem"]) == (503, "RuntimeError: not started yet")
    assert "jobforge_retries_waiting" in metrics.text
