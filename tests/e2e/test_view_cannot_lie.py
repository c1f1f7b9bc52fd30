"""What readers may see while Redis is flushed or away: the truth or a 503, and never anything else."""

import asyncio
import json

import httpx
from redis.asyncio import Redis

from jobforge.client import JobForgeError
from jobforge.contracts.jobs import JobAccepted
from jobforge.testkit.running import Running, Start
from jobforge.testkit.waiting import until

ORDER = {"queued": 0, "running": 1, "retrying": 1, "succeeded": 2, "failed": 2, "canceled": 2}


async def test_flushall_busy_and_idle_gives_no_wrong_answer_and_byte_identical_manifests(running: Start) -> None:
    """Clients poll all the time: no known run is 404, no state goes back, and the fold gives the same bytes."""
    async with running("ingestion", "manifest", "echo", "scheduler") as plane:
        redis = Redis.from_url(plane.plane.redis_url)
        ids: list[str] = []
        async with asyncio.TaskGroup() as group:
            stop = asyncio.Event()
            poller = group.create_task(poll(plane.services["manifest"].url, ids, stop))
            for number in range(150):
                accepted = await plane.client.request_job(
                    tenant_id="acme",
                    template_key="echo.message.reply",
                    inputs={
                        "message": str(number),
                        "sleep": 0.05,
                        "behave": "terminal" if number % 10 == 0 else "well",
                    },
                )
                ids.append(str(accepted.job.id))
                if number in {50, 100}:
                    await redis.flushall()  # busy
            for run_id in ids:
                await ended(plane, run_id)
            before = await manifests(plane, ids)
            await redis.flushall()  # idle
            after = await manifests(plane, ids)
            stop.set()
        seen, wrong = poller.result()
        assert wrong == []
        assert seen > 100
        assert after == before
        await redis.aclose()


async def test_redis_away_means_503_for_reads_while_writes_go_on(running: Start) -> None:
    """A request accepted without Redis runs, and is read as soon as Redis is back."""
    async with running("ingestion", "manifest", "echo", "scheduler") as plane:
        known = (await ask(plane, "before")).job.id
        await plane.client.wait(known, "acme")
        plane.plane.valkey.stop()
        url = f"{plane.services['manifest'].url}/v1/runs/{known}"
        async with httpx.AsyncClient(timeout=15) as client:
            answer = await client.get(url, params={"tenant_id": "acme"})
            assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
            assert "retry-after" in answer.headers
            assert answer.headers["content-type"] == "application/problem+json"
        accepted = await ask(plane, "during")
        plane.plane.valkey.start()
        await ended(plane, str(accepted.job.id))
        job = await plane.client.get_job(known, "acme")
        assert job is not None
        assert job.status == "succeeded"


async def test_kafka_away_means_503_within_12_seconds_and_it_recovers_by_itself(running: Start) -> None:
    """Nothing is accepted that is not written; after the broker is back everything works again."""
    async with running("ingestion", "manifest", "echo", "scheduler") as plane:
        await ended(plane, str((await ask(plane, "before")).job.id))
        plane.plane.kafka.stop()
        body = {"tenant_id": "acme", "template_key": "echo.message.reply", "inputs": {"message": "during"}}
        async with httpx.AsyncClient(timeout=12) as client:
            answer = await client.post(f"{plane.services['ingestion'].url}/v1/jobs", json=body)
        assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert "retry-after" in answer.headers
        plane.plane.kafka.start()
        await until(lambda: accepts(plane), timeout=30)
        accepted = await ask(plane, "after")
        await ended(plane, str(accepted.job.id))


async def ask(plane: Running, message: str) -> JobAccepted:
    """Request an echo."""
    return await plane.client.request_job(
        tenant_id="acme", template_key="echo.message.reply", inputs={"message": message}
    )


async def accepts(plane: Running) -> bool:
    """Whether a request is accepted; if not, the answer must be a 503."""
    try:
        await ask(plane, "again")
    except JobForgeError as error:
        if error.status != httpx.codes.SERVICE_UNAVAILABLE:
            raise
        return False
    return True


async def ended(plane: Running, run_id: str) -> None:
    """Wait for the run's end; the client repeats 503 by itself."""
    job = await plane.client.wait(run_id, "acme", timeout=60)
    assert job.is_terminal


async def manifests(plane: Running, ids: list[str]) -> dict[str, bytes]:
    """Every manifest's bytes without what is added on read; a 503 is asked again."""
    found = {}
    async with httpx.AsyncClient(base_url=plane.services["manifest"].url) as client, asyncio.timeout(60):
        for run_id in ids:
            while True:
                answer = await client.get(f"/v1/runs/{run_id}/manifest", params={"tenant_id": "acme"})
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    break
                await asyncio.sleep(0.05)
            content = answer.json()
            content.pop("duplicates")
            assert content["digest"]
            found[run_id] = json.dumps(content, sort_keys=True).encode()
    return found


async def poll(url: str, ids: list[str], stop: asyncio.Event) -> tuple[int, list[str]]:
    """Read every known run again and again; says how many answers came and which were wrong."""
    seen, wrong = 0, list[str]()
    last: dict[str, str] = {}
    async with httpx.AsyncClient(base_url=url, timeout=20) as client:
        while not stop.is_set():
            for run_id in list(ids):
                answer = await client.get(f"/v1/runs/{run_id}", params={"tenant_id": "acme"})
                if answer.status_code == httpx.codes.OK:
                    seen += 1
                    status = answer.json()["status"]
                    if ORDER[status] < ORDER[last.get(run_id, "queued")] or (
                        ORDER[last.get(run_id, "queued")] == 2 and status != last[run_id]
                    ):
                        wrong.append(f"{run_id}: {last[run_id]} became {status}")
                    last[run_id] = status
                elif answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    wrong.append(f"{run_id}: {answer.status_code} {answer.text}")
            await asyncio.sleep(0.01)
    return seen, wrong
