"""What readers may see while Redis is flushed or away: the truth or a 503, and never anything else."""

import asyncio
import json
from collections.abc import Sequence

import httpx
from redis.asyncio import Redis

from jobforge.client import JobForgeError
from jobforge.contracts.jobs import JobAccepted
from jobforge.testkit.polling import PollingClient
from jobforge.testkit.running import Running, Start
from jobforge.testkit.waiting import until

CLIENTS = 10


async def test_flushall_while_ten_clients_poll_shows_none_of_them_a_wrong_answer(running: Start) -> None:
    """Busy twice and idle once: no known run is 404, no state goes back, and every digest stays what it was."""
    async with running("ingestion", "manifest", "echo", "scheduler") as plane:
        redis = Redis.from_url(plane.plane.redis_url)
        ids: list[str] = []
        clients = [PollingClient(plane.services["manifest"].url, ids) for _ in range(CLIENTS)]
        async with asyncio.TaskGroup() as group:
            stop = asyncio.Event()
            for client in clients:
                group.create_task(client.poll(stop))
            for number in range(40):
                ids.append(await half_a_second(plane, number))
                if number in {15, 30}:
                    await redis.flushall()  # busy: the newest runs are at work, and more are asked for at once
            for run_id in ids:
                await ended(plane, run_id)
            await until(lambda: all(len(client.digests) == len(ids) for client in clients), timeout=60)
            before = await manifests(plane, ids)
            await redis.flushall()  # idle
            counts = [client.seen for client in clients]
            await until(lambda: have_read_all_again(clients, counts), timeout=60)
            after = await manifests(plane, ids)
            stop.set()
        assert [client.wrong for client in clients] == [[]] * CLIENTS
        assert after == before
        digests = {run_id: json.loads(manifest)["digest"] for run_id, manifest in after.items()}
        assert all(client.digests == digests for client in clients)
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


async def half_a_second(plane: Running, number: int) -> str:
    """Request an echo that takes so long; one in ten fails, and one in ten needs a second attempt."""
    accepted = await plane.client.request_job(
        tenant_id="acme",
        template_key="echo.message.reply",
        inputs={
            "message": str(number),
            "sleep": 0.5,
            "behave": "terminal" if number % 10 == 0 else "well",
            "fail_times": 1 if number % 10 == 5 else 0,
        },
    )
    return str(accepted.job.id)


def have_read_all_again(clients: Sequence[PollingClient], counts: Sequence[int]) -> bool:
    """Whether each client has had as many answers since these counts as a round over all runs has."""
    return all(client.seen >= count + 2 * len(client.ids) for client, count in zip(clients, counts, strict=True))


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
