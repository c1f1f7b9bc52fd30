"""A client that reads known runs again and again and judges every answer: the truth or a 503, and nothing else."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from jobforge.contracts.jobs import TERMINAL_STATUSES

PACE = 0.03
"""Seconds between two runs that it looks at: many of these clients share a machine with what they look at."""
RANK = {"queued": 0, "running": 1, "retrying": 1} | dict.fromkeys(TERMINAL_STATUSES, 2)


@dataclass
class PollingClient:
    """Reads the job and the manifest of each run in ``ids``, which may grow meanwhile, until it is stopped."""

    url: str
    ids: Sequence[str]
    tenant_id: str = "acme"
    newest: int = 0
    """How many of the newest runs it reads; 0: all."""
    forgiving: bool = False
    """Whether the service may be away altogether."""
    seen: int = 0
    """Answers with a job or a manifest."""
    refused: int = 0
    """Answers that said 503."""
    wrong: list[str] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    """Of each run whose end it saw."""
    _jobs: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    """Rank, attempt and status, as last seen."""

    async def poll(self, stop: asyncio.Event) -> None:
        """Read on until ``stop``, over one connection of its own."""
        async with httpx.AsyncClient(base_url=self.url, timeout=20) as client:
            while not stop.is_set():
                for run_id in list(self.ids[-self.newest :]):
                    for path in (f"/v1/runs/{run_id}", f"/v1/runs/{run_id}/manifest"):
                        try:
                            answer = await client.get(path, params={"tenant_id": self.tenant_id})
                        except httpx.TransportError as error:
                            if not self.forgiving:
                                self.wrong.append(f"{path}: {error!r}")
                            continue
                        self.judge(run_id, path, answer)
                    await asyncio.sleep(PACE)
                await asyncio.sleep(PACE)

    def judge(self, run_id: str, path: str, answer: httpx.Response) -> None:
        """Count an answer about a run; what is wrong with it, if anything, is kept in ``wrong``."""
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            self.refused += 1
            return
        if answer.status_code != httpx.codes.OK:
            self.wrong.append(f"{path}: {answer.status_code} {answer.text}")
            return
        self.seen += 1
        judge = self._manifest if path.endswith("/manifest") else self._job
        if found := judge(run_id, answer.json()):
            self.wrong.append(f"{path}: {found}")

    def _job(self, run_id: str, job: dict[str, Any]) -> str | None:
        if (job["id"], job["tenant_id"]) != (run_id, self.tenant_id):
            return f"shows {job['id']} of {job['tenant_id']}"
        now = (RANK[job["status"]], job["attempt"], job["status"])
        before = self._jobs.get(run_id, (0, 0, "queued"))
        self._jobs[run_id] = now
        if now[:2] < before[:2] or now[1] < before[1] or (before[0] == 2 and now != before):
            return f"{before} became {now}"
        return f"{now} after its end was seen" if run_id in self.digests and now[0] < 2 else None

    def _manifest(self, run_id: str, manifest: dict[str, Any]) -> str | None:
        if (manifest["run_id"], manifest["tenant_id"]) != (run_id, self.tenant_id):
            return f"shows {manifest['run_id']} of {manifest['tenant_id']}"
        if manifest["status"] == "pending":
            over = run_id in self.digests or self._jobs.get(run_id, (0,))[0] == 2
            return "pending after its end was seen" if over else None
        first = self.digests.setdefault(run_id, manifest["digest"])
        return None if first == manifest["digest"] else f"{first} became {manifest['digest']}"
