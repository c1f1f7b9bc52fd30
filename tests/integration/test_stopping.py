"""How long a service takes to stop when what it stands on does not answer."""

import asyncio

import httpx
import pytest

from jobforge.testkit.builders import job_requested
from jobforge.testkit.workers import Workers

LIMIT = 25.0


@pytest.mark.parametrize("frozen", ["kafka", "valkey"])
@pytest.mark.parametrize("name", ["echo", "ingestion", "manifest"])
async def test_a_service_stops_in_time_with_kafka_or_redis_frozen(workers: Workers, name: str, frozen: str) -> None:
    """Asked in the middle of work; a supervisor that loses patience would kill it, and with it what it could save."""
    await workers.services.start("ingestion", "manifest", "echo")
    await workers.ended(await workers.ask(1))
    await workers.ask(20, sleep=1)
    server = workers.plane.kafka if frozen == "kafka" else workers.plane.valkey
    server.pause()
    try:
        callers = [asyncio.create_task(call(workers, name)) for _ in range(3)]
        await asyncio.sleep(0.5)  # the calls are under way
        workers.services[name].terminate()
        assert await workers.services[name].ended(timeout=60) < LIMIT
        await asyncio.gather(*callers)
    finally:
        server.resume()
    assert "Traceback" not in workers.log(name)


async def call(workers: Workers, name: str) -> None:
    """A request that the service cannot answer well now, and that must not hold it."""
    async with httpx.AsyncClient(base_url=workers.services[name].url, timeout=40) as http:
        try:
            match name:
                case "ingestion":
                    wanted = {"tenant_id": "acme", "template_key": "echo.message.reply", "inputs": {"message": "late"}}
                    await http.post("/v1/jobs", json=wanted)
                case "manifest":
                    run_id = job_requested({}).run_id
                    await http.get(f"/v1/runs/{run_id}", params={"tenant_id": "acme", "wait": 30})
                case _:
                    await http.get("/readyz")
        except httpx.HTTPError:
            pass  # the service went away
