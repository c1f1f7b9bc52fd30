"""The raw path: the same hops with aiokafka and Redis alone, and no promise kept; what the plane is compared with."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import perf_counter
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from jobforge.native import processes
from jobforge.native.processes import Running
from ratios import raw_workers
from ratios.figures import Latencies
from ratios.plane_path import REQUEST

WAIT = 30.0
"""Seconds that one request may take: the first ones wait for the groups to form."""


class RawClient:
    """Sends requests and hears of their ends."""

    def __init__(self, producers: list[AIOKafkaProducer]) -> None:
        self._producers = producers
        self._waiting: dict[bytes, asyncio.Future[None]] = {}

    async def listen(self, announced: PubSub) -> None:
        """Wake whoever waits, for ever."""
        async for message in announced.listen():
            if message["type"] == "message":
                for key in message["data"].split(b" "):
                    waiting = self._waiting.pop(key, None)
                    if waiting is not None:
                        waiting.set_result(None)

    async def one_by_one(self, requests: int) -> Latencies:
        """Requests after each other."""
        accepted, ended = [], []
        for _ in range(requests):
            began = perf_counter()
            done = await self._request(self._producers[0])
            accepted.append(perf_counter() - began)
            await asyncio.wait_for(done, WAIT)
            ended.append(perf_counter() - began)
        return Latencies(accepted, ended)

    async def burst(self, requests: int) -> float:
        """As many requests as there are producers at once; returns done/s."""

        async def work(producer: AIOKafkaProducer) -> None:
            for _ in range(requests // len(self._producers)):
                await (await self._request(producer))

        began = perf_counter()
        await asyncio.gather(*(work(producer) for producer in self._producers))
        return requests // len(self._producers) * len(self._producers) / (perf_counter() - began)

    async def _request(self, producer: AIOKafkaProducer) -> "asyncio.Future[None]":
        key = uuid4().hex.encode()
        done = self._waiting[key] = asyncio.get_running_loop().create_future()
        await producer.send_and_wait(raw_workers.JOBS, key=key, value=REQUEST)
        return done


async def make_topics(bootstrap: str, *, partitions: int) -> None:
    """Create the raw path's two topics."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1) for name in (raw_workers.JOBS, raw_workers.RUNS)])
    finally:
        await admin.close()


def start_workers(bootstrap: str, redis_url: str, *, logs: Path) -> dict[str, Running]:
    """Start the raw path's own processes; they end with this one."""
    return {
        role: processes.start(
            f"raw-{role}",
            [sys.executable, raw_workers.__file__, role, bootstrap, redis_url],
            log=logs / f"raw-{role}.log",
            tied=True,
        )
        for role in ("worker", "projector")
    }


@asynccontextmanager
async def raw_client(bootstrap: str, redis_url: str, *, producers: int) -> AsyncIterator[RawClient]:
    """A connected client with so many producers."""
    async with AsyncExitStack() as stack:
        connected = [
            await stack.enter_async_context(AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all"))
            for _ in range(producers)
        ]
        redis = await stack.enter_async_context(Redis.from_url(redis_url))
        announced = await stack.enter_async_context(redis.pubsub())
        await announced.subscribe(raw_workers.DONE)
        client = RawClient(connected)
        listening = asyncio.create_task(client.listen(announced))
        stack.callback(listening.cancel)
        yield client
