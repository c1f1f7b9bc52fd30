"""Probes answer for what they were told to check, whatever the checks do."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from faststream.asgi import AsgiFastStream
from starlette.applications import Starlette
from starlette.routing import Route

from jobforge.chassis import health as health_module
from jobforge.chassis.health import Health
from jobforge.chassis.metrics import ASGIApp


async def fine() -> None:
    return None


async def broken() -> None:
    raise ConnectionError("redis://user:hunter2@host:6379 refused")


async def stuck() -> None:
    await asyncio.Event().wait()


async def get(app: Any, path: str) -> tuple[int, dict[str, Any]]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get(path)
    return answer.status_code, json.loads(answer.content)


def starlette_app(health: Health) -> ASGIApp:
    return Starlette(routes=[Route(path, app) for path, app in health.routes()])


def faststream_app(health: Health) -> ASGIApp:
    return AsgiFastStream(asgi_routes=health.routes())


@pytest.mark.parametrize("app_of", [starlette_app, faststream_app])
async def test_a_service_that_is_well_says_so(app_of: Any) -> None:
    """200 and each check by name, in a FastStream app and in a Starlette one alike."""
    health = Health("settler")
    health.live("consumers", fine)
    health.ready("kafka", fine)
    assert await get(app_of(health), "/livez") == (
        200,
        {"service": "settler", "status": "ok", "checks": {"consumers": {"status": "ok", "problem": None}}},
    )
    assert (await get(app_of(health), "/readyz"))[0] == 200


async def test_a_failing_check_is_named_and_the_others_still_answer() -> None:
    """503; the problem is told without its password, and what is well is told too."""
    health = Health("settler")
    health.ready("kafka", fine)
    health.ready("redis", broken)
    status, body = await get(starlette_app(health), "/readyz")
    assert status == 503
    assert body["status"] == "failing"
    assert body["checks"]["kafka"]["status"] == "ok"
    assert "ConnectionError" in body["checks"]["redis"]["problem"]
    assert "hunter2" not in json.dumps(body)


async def test_a_check_that_hangs_is_a_failing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each check has its own time limit, and all run at once."""
    monkeypatch.setattr(health_module, "CHECK_TIMEOUT", 0.05)
    health = Health("settler")
    for number in range(20):
        health.live(f"stuck-{number}", stuck)
    health.live("fine", fine)
    async with asyncio.timeout(0.9):
        status, body = await get(starlette_app(health), "/livez")
    assert status == 503
    assert body["checks"]["stuck-3"]["problem"] == "no answer within 0.05 s"
    assert body["checks"]["fine"]["status"] == "ok"


async def test_not_being_ready_is_no_reason_to_be_restarted() -> None:
    """Readiness checks say nothing about liveness."""
    health = Health("settler")
    health.ready("kafka", broken)
    assert (await get(starlette_app(health), "/livez"))[0] == 200


def test_two_checks_of_one_name_are_refused() -> None:
    """One would hide the other."""
    health = Health("settler")
    health.live("kafka", fine)
    with pytest.raises(ValueError, match="kafka"):
        health.live("kafka", fine)


async def test_metrics_are_served_beside_the_probes() -> None:
    """In Prometheus's text form."""
    transport = httpx.ASGITransport(app=starlette_app(Health("settler")))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "# HELP jobforge_jobs_in_flight " in answer.text
