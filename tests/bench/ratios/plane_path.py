"""The plane as an app uses it: request a job over HTTP, wait for its end in a long poll, read its manifest."""

import asyncio
import json
from dataclasses import dataclass
from time import perf_counter
from typing import Self

from ratios.figures import Latencies
from ratios.http import Connection

REQUEST = json.dumps(
    {
        "tenant_id": "acme",
        "project_id": "bench",
        "template_key": "echo.message.reply",
        "inputs": {"message": "The quick brown fox jumps over the lazy dog." * 4},
        "actor_id": "bench",
        "source_app": "settler",
    }
).encode()
"""About 350 bytes, no ``trace_id``: every job is a trace of its own."""
REBUILDING = 0.1
ENDED = frozenset({"succeeded", "failed", "canceled"})


class WentWrong(Exception):
    """A job of the benchmark did not succeed, so there is nothing to measure."""


@dataclass(frozen=True, slots=True)
class PlaneClient:
    """One client with a connection to each door."""

    ingestion: Connection
    manifest: Connection

    @classmethod
    async def open(cls, ingestion: str, manifest: str) -> Self:
        """Connect to both doors."""
        return cls(await Connection.open(ingestion), await Connection.open(manifest))

    async def request(self) -> str:
        """Request a job; returns its id once it is accepted."""
        answer = await self.ingestion.post("/v1/jobs", REQUEST)
        if answer.status != 202:
            raise WentWrong(f"{answer.status}: {answer.body.decode()}")
        return str(json.loads(answer.body)["job"]["id"])

    async def wait(self, run_id: str) -> None:
        """Follow the job to its terminal state."""
        while True:
            answer = await self.manifest.get(f"/v1/runs/{run_id}?tenant_id=acme&wait=30")
            if answer.status == 503:  # a view that was just started may say for a moment that it is being rebuilt
                await asyncio.sleep(REBUILDING)
                continue
            status = json.loads(answer.body)["status"] if answer.status == 200 else answer.body.decode()
            if status == "succeeded":
                return
            if answer.status != 200 or status in ENDED:
                raise WentWrong(f"{answer.status}: {status}")

    async def read_manifest(self, run_id: str) -> None:
        """Read the manifest of an ended run."""
        answer = await self.manifest.get(f"/v1/runs/{run_id}/manifest?tenant_id=acme")
        if answer.status != 200 or json.loads(answer.body)["status"] != "complete":
            raise WentWrong(f"{answer.status}: {answer.body.decode()}")

    async def close(self) -> None:
        """Close both connections."""
        await self.ingestion.close()
        await self.manifest.close()


async def one_by_one(client: PlaneClient, jobs: int) -> Latencies:
    """Jobs after each other."""
    accepted, ended, read = [], [], []
    for _ in range(jobs):
        began = perf_counter()
        run_id = await client.request()
        accepted.append(perf_counter() - began)
        await client.wait(run_id)
        ended.append(perf_counter() - began)
        await client.read_manifest(run_id)
        read.append(perf_counter() - began)
    return Latencies(accepted, ended, read)


async def burst(clients: list[PlaneClient], jobs: int) -> float:
    """As many jobs as there are clients at once; returns done/s."""

    async def work(client: PlaneClient) -> None:
        for _ in range(jobs // len(clients)):
            await client.wait(await client.request())

    began = perf_counter()
    await asyncio.gather(*(work(client) for client in clients))
    return jobs // len(clients) * len(clients) / (perf_counter() - began)
