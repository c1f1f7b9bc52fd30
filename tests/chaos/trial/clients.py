"""Clients of a plane that is mistreated: they repeat until they are answered, read all the time, note it all."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from time import monotonic
from typing import Any

import httpx

from jobforge.testkit.waiting import until
from trial.history import History
from trial.plan import Ask

SENDERS = 24
READERS = 6
ANSWERED = 15.0
"""Seconds that a client waits for an answer: above the 12 that the plane needs to say that Kafka does not answer."""
PAUSE = 0.5
"""Seconds before a request is repeated."""
LOOK = 0.05
"""Seconds between two reads of one reader while jobs are sent."""
HURRY = 0.01
"""The same once everything is sent and only waited for; not less, since the plane has no cores of its own."""
AGAIN = 120.0
"""Seconds for which anything but a request is repeated."""
FAST = 100.0
"""Jobs a second, outside of the fault."""
TERMINAL = frozenset({"succeeded", "failed", "canceled"})


@dataclass
class Known:
    """An accepted run, as its client knows it."""

    ask: Ask
    run_id: str
    state: str = "queued"
    manifest: dict[str, Any] | None = None

    @property
    def ended(self) -> bool:
        """Whether its client has read its manifest."""
        return self.manifest is not None


@dataclass
class Clients:
    """What all clients of a trial know together."""

    ingestion: httpx.AsyncClient
    manifest: httpx.AsyncClient
    history: History
    random: Random
    rate: float = FAST
    """Jobs a second."""
    known: list[Known] = field(default_factory=list)
    sent: int = 0
    slowest: float = 0.0
    """Seconds of the slowest answer to a request for a job, or of waiting for one that did not come."""
    refused: list[str] = field(default_factory=list)
    """What was refused for good, which nothing here should be."""
    _hurry: bool = False

    async def send_all(self, asks: Sequence[Ask]) -> None:
        """Send in order at ``rate``; returns when each is accepted or refused for good."""
        free = asyncio.Semaphore(SENDERS)
        due = monotonic()
        async with asyncio.TaskGroup() as group:
            for ask in asks:
                due = max(due + 1 / self.rate, monotonic() - 1)
                await asyncio.sleep(max(due - monotonic(), 0))
                await free.acquire()
                group.create_task(self.send(ask)).add_done_callback(lambda _: free.release())
                self.sent += 1

    async def send(self, ask: Ask) -> Known | None:
        """Ask for a job until the plane has answered yes or no; None for no."""
        body = {"tenant_id": ask.tenant, "template_key": ask.template, "inputs": ask.inputs}
        headers = {"Idempotency-Key": ask.key}
        while True:
            began, call = monotonic(), self.history.asking(ask)
            answer = await _try(self.ingestion, "POST", "/v1/jobs", json=body, headers=headers)
            self.history.asked(call, answer)
            self.slowest = max(self.slowest, monotonic() - began)
            if answer is None or answer.status_code >= 500:
                await asyncio.sleep(PAUSE)
                continue
            if answer.status_code != httpx.codes.ACCEPTED:
                self.refused.append(f"{ask.key}: {answer.status_code} {answer.text}")
                return None
            run = Known(ask, answer.json()["job"]["id"])
            self.known.append(run)
            if ask.cancel:
                await self._cancel(run)
            return run

    async def complete(self, ask: Ask) -> Known | None:
        """Ask for a job and read it until it has ended; None when it was refused for good."""
        run = await self.send(ask)
        while run is not None and not run.ended:
            await asyncio.sleep(LOOK)
            await self.read(run)
        return run

    async def _cancel(self, run: Known) -> None:
        path, params = f"/v1/jobs/{run.run_id}/cancel", {"tenant_id": run.ask.tenant}

        async def accepted() -> bool:
            answer = await _try(self.ingestion, "POST", path, params=params)
            return answer is not None and answer.status_code < 500

        await until(accepted, timeout=AGAIN, every=PAUSE)

    async def read_forever(self) -> None:
        """Read every known run again and again: unfinished ones first, and for each some that have ended."""
        await asyncio.gather(*(self._read_on(number) for number in range(READERS)))

    async def _read_on(self, number: int) -> None:
        while True:
            mine = self.known[number::READERS]
            open_runs = [run for run in mine if not run.ended]
            ended = [run for run in mine if run.ended]
            for run in [*open_runs, *self.random.sample(ended, min(len(ended), len(open_runs) // 4 + 2))]:
                await self.read(run)
                await asyncio.sleep(HURRY if self._hurry else LOOK)
            await asyncio.sleep(LOOK)

    async def read(self, run: Known) -> None:
        """Read a run and, once it has ended, its manifest."""
        params = {"tenant_id": run.ask.tenant}
        reading = self.history.reading(run.ask.tenant, run.run_id, "job")
        answer = await _try(self.manifest, "GET", f"/v1/runs/{run.run_id}", params=params)
        self.history.read(reading, answer)
        if answer is None or answer.status_code != httpx.codes.OK:
            return
        run.state = answer.json()["status"]
        if run.state in TERMINAL:
            await self.read_manifest(run)

    async def read_manifest(self, run: Known) -> bool:
        """Read a run's manifest; False when the plane should be asked again."""
        params = {"tenant_id": run.ask.tenant}
        reading = self.history.reading(run.ask.tenant, run.run_id, "manifest")
        answer = await _try(self.manifest, "GET", f"/v1/runs/{run.run_id}/manifest", params=params)
        self.history.read(reading, answer)
        if answer is None or answer.status_code >= 500:
            return False
        if answer.status_code == httpx.codes.OK and answer.json()["digest"] is not None:
            run.manifest = answer.json()
        return True

    async def settled(self, *, timeout: float) -> bool:
        """Wait until every known run has ended before a reader's eyes; False when the time was not enough."""
        self._hurry = True
        try:
            await until(lambda: all(run.ended for run in self.known), timeout=timeout, every=LOOK)
        except TimeoutError:
            return False
        finally:
            self._hurry = False
        return True

    async def read_every_manifest(self) -> None:
        """Read the manifest of every run once more, as long as the plane says 503."""
        waiting = list(self.known)

        async def work() -> None:
            while waiting:
                await until(partial(self.read_manifest, waiting.pop()), timeout=AGAIN, every=LOOK)

        await asyncio.gather(*(work() for _ in range(READERS)))


@asynccontextmanager
async def clients(ingestion: str, manifest: str, history: History, random: Random) -> AsyncIterator[Clients]:
    """Clients of both doors."""
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=40)
    async with (
        httpx.AsyncClient(base_url=ingestion, timeout=ANSWERED, limits=limits) as asking,
        httpx.AsyncClient(base_url=manifest, timeout=ANSWERED, limits=limits) as reading,
    ):
        yield Clients(asking, reading, history, random)


async def _try(client: httpx.AsyncClient, method: str, path: str, **more: Any) -> httpx.Response | None:
    """One exchange; None when there was no answer, for whatever reason."""
    try:
        return await client.request(method, path, **more)
    except httpx.HTTPError:
        return None
