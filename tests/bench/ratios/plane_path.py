"""The plane as an app uses it: request a job over HTTP, wait for its end in a long poll, read its manifest."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import NamedTuple, Self

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


class Accepted(NamedTuple):
    """A job that the plane has taken."""

    run_id: str
    trace_id: str


@dataclass(frozen=True, slots=True)
class PlaneClient:
    """One client with a connection to each door."""

    ingestion: Connection
    manifest: Connection
    traces: list[str] = field(default_factory=list)
    """The trace id of every job that was accepted."""

    @classmethod
    async def open(cls, ingestion: str, manifest: str) -> Self:
        """Connect to both doors."""
        return cls(await Connection.open(ingestion), await Connection.open(manifest))

    async def request(self) -> Accepted:
        """Request a job."""
        answer = await self.ingestion.post("/v1/jobs", REQUEST)
        if answer.status != 202:
            raise WentWrong(f"{answer.status}: {answer.body.decode()}")
        job = json.loads(answer.body)["job"]
        self.traces.append(job["trace_id"])
        return Accepted(job["id"], job["trace_id"])

    async def wait(self, job: Accepted) -> None:
        """Follow the job to its terminal state."""
        while True:
            answer = await self.manifest.get(f"/v1/runs/{job.run_id}?tenant_id=acme&wait=30")
            if answer.status == 503:  # a view that was just started may say for a moment that it is being rebuilt
                await asyncio.sleep(REBUILDING)
                continue
            status = json.loads(answer.body)["status"] if answer.status == 200 else answer.body.decode()
            if status == "succeeded":
                return
            if answer.status != 200 or status in ENDED:
                raise WentWrong(f"{answer.status}: {status}")

    async def read(self, job: Accepted) -> bool:
        """Read the manifest of an ended run."""
        answer = await self.manifest.get(f"/v1/runs/{job.run_id}/manifest?tenant_id=acme")
        if answer.status != 200 or json.loads(answer.body)["status"] != "complete":
            raise WentWrong(f"{answer.status}: {answer.body.decode()}")
        return True

    async def close(self) -> None:
        """Close both connections."""
        await self.ingestion.close()
        await self.manifest.close()
