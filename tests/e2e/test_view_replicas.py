"""Several views of one plane share the partitions, all answer, all push, and none may die with something unsaid."""

import asyncio
import json
from pathlib import Path
from uuid import UUID

import httpx

from jobforge.contracts.identity import partition_of, run_key
from jobforge.contracts.jobs import TERMINAL_STATUSES
from jobforge.testkit.polling import PollingClient
from jobforge.testkit.running import Running, Start
from jobforge.testkit.terminal_records import records_of
from jobforge.testkit.waiting import until

REPLICAS = ("manifest", "manifest#2")


async def test_a_long_poll_is_woken_on_every_replica_whoever_folds_the_run(running: Start) -> None:
    """Runs of every partition are waited for on both replicas: one of the two never owns the partition."""
    async with running("ingestion", *REPLICAS, "echo") as plane:
        waiting: list[asyncio.Task[str]] = []
        partitions: set[int] = set()
        async with httpx.AsyncClient(timeout=60) as client, asyncio.timeout(60):
            while len(partitions) < plane.plane.partitions:
                run_id = await ask(plane, f"long poll {len(waiting)}", sleep=0.5)
                partitions.add(partition_of(run_key("acme", UUID(run_id)), plane.plane.partitions))
                waiting += [
                    asyncio.create_task(wait_for_end(client, plane.services[name].url, run_id)) for name in REPLICAS
                ]
            assert set(await asyncio.gather(*waiting)) == {"succeeded"}


async def test_kill_9_of_a_replica_shows_nothing_wrong_and_loses_no_snapshot(running: Start) -> None:
    """Clients poll both replicas all the time; one dies between applying and publishing, twice, and comes back.

    No known run is 404, no state goes back; every run's manifest is on the topic, in the archive and the same on both.
    """
    async with running("ingestion", *REPLICAS, "echo") as plane:
        ids: list[str] = []
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            clients = [PollingClient(plane.services[name].url, ids, newest=30, forgiving=True) for name in REPLICAS]
            for client in clients:
                group.create_task(client.poll(stop))
            for number in range(300):
                ids.append(await ask(plane, str(number)))
                if number in {100, 200}:
                    plane.services["manifest#2"].kill()
                    await plane.services.start("manifest#2")
            jobs = await asyncio.gather(*(plane.client.wait(run_id, "acme", timeout=60) for run_id in ids))
            stop.set()
        assert {job.status for job in jobs} == {"succeeded"}
        for client in clients:
            assert client.wrong == []
            assert client.seen > 50
        one, two = [await digests(plane.services[name].url, ids) for name in REPLICAS]
        assert one == two
        await until(lambda: archived(plane.artifacts, one), timeout=60, every=0.2)
        assert await published(plane.plane.kafka_bootstrap) == {run_id: {digest} for run_id, digest in one.items()}


async def ask(plane: Running, message: str, **inputs: float) -> str:
    """Request an echo; returns the run's id."""
    accepted = await plane.client.request_job(
        tenant_id="acme", template_key="echo.message.reply", inputs={"message": message, **inputs}
    )
    return str(accepted.job.id)


async def wait_for_end(client: httpx.AsyncClient, url: str, run_id: str) -> str:
    """Long polls alone, each longer than the test may take; returns the terminal status."""
    while True:
        answer = await client.get(f"{url}/v1/runs/{run_id}", params={"tenant_id": "acme", "wait": 59})
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            await asyncio.sleep(0.1)
            continue
        status = str(answer.raise_for_status().json()["status"])
        if status in TERMINAL_STATUSES:
            return status


async def digests(url: str, ids: list[str]) -> dict[str, str]:
    """The digest of each run's manifest; a 503 is asked again."""
    found: dict[str, str] = {}
    async with httpx.AsyncClient(base_url=url, timeout=20) as client, asyncio.timeout(60):
        for run_id in ids:
            while True:
                answer = await client.get(f"/v1/runs/{run_id}/manifest", params={"tenant_id": "acme"})
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    break
                await asyncio.sleep(0.05)
            found[run_id] = answer.raise_for_status().json()["digest"]
    return found


def archived(artifacts: Path, digests: dict[str, str]) -> bool:
    """Whether the artifact store holds each of these manifests."""
    files = (artifacts / "manifests" / "acme" / f"{run_id}.json" for run_id in digests)
    return all(
        file.exists() and digest in file.read_text() for file, digest in zip(files, digests.values(), strict=True)
    )


async def published(bootstrap: str) -> dict[str, set[str]]:
    """Every digest that jobforge.manifests holds, by run."""
    found: dict[str, set[str]] = {}
    for record in await records_of(bootstrap, "jobforge.manifests"):
        manifest = json.loads(record.value)
        found.setdefault(manifest["run_id"], set()).add(manifest["digest"])
    return found
