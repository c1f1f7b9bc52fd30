"""Drives either side the same way: jobs one by one, a burst, an open loop."""

import asyncio
from collections.abc import Sequence
from itertools import count
from time import perf_counter
from typing import Protocol, TypeVar

from ratios.figures import Burst, Latencies, OpenLoop, Percentiles

LIMIT = 300.0
"""Seconds a phase may take beyond its plan before the benchmark gives up: an answer was lost."""

Job = TypeVar("Job")


class Client(Protocol[Job]):
    """One user who asks for one job at a time."""

    async def request(self) -> Job:
        """Ask for a job; returns once it is accepted."""
        ...

    async def wait(self, job: Job) -> None:
        """Return when the job has ended."""
        ...

    async def read(self, job: Job) -> bool:
        """Read what is left to read of an ended job; False when this side keeps nothing to read."""
        ...


async def one_by_one(client: Client[Job], jobs: int) -> Latencies:
    """Jobs after each other."""
    accepted, ended, read = [], [], []
    async with asyncio.timeout(LIMIT):
        for _ in range(jobs):
            began = perf_counter()
            job = await client.request()
            accepted.append(perf_counter() - began)
            await client.wait(job)
            ended.append(perf_counter() - began)
            if await client.read(job):
                read.append(perf_counter() - began)
    return Latencies(Percentiles.of(accepted), Percentiles.of(ended), Percentiles.of(read) if read else None)


async def burst(clients: Sequence[Client[Job]], jobs: int) -> Burst:
    """So many jobs by all clients at once; each asks for its next job when its last one has ended."""
    last_accepted = began = perf_counter()

    async def work(client: Client[Job]) -> None:
        nonlocal last_accepted
        for _ in range(jobs // len(clients)):
            job = await client.request()
            last_accepted = perf_counter()
            await client.wait(job)

    async with asyncio.timeout(LIMIT):
        await asyncio.gather(*(work(client) for client in clients))
    done = jobs // len(clients) * len(clients)
    return Burst(done / (last_accepted - began), done / (perf_counter() - began))


async def open_loop(clients: Sequence[Client[Job]], rate: float, seconds: float) -> OpenLoop:
    """A job is due every ``1 / rate`` s and is asked for by the first free client; one that starts late counts so.

    The event loop's timer rounds up to a millisecond, which the latencies of both sides contain.
    """
    accepted, ended = [], []
    numbers = count()
    jobs = max(round(rate * seconds), 2)
    began = perf_counter()

    async def work(client: Client[Job]) -> None:
        while (number := next(numbers)) < jobs:
            due = began + number / rate
            early = due - perf_counter()
            if early > 0:
                await asyncio.sleep(early)
            job = await client.request()
            accepted.append(perf_counter() - due)
            await client.wait(job)
            ended.append(perf_counter() - due)

    async with asyncio.timeout(seconds + LIMIT):
        await asyncio.gather(*(work(client) for client in clients))
    done = jobs / (perf_counter() - began)
    return OpenLoop(rate, done, Latencies(Percentiles.of(accepted), Percentiles.of(ended)))
