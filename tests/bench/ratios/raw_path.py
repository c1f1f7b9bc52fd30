"""The raw path: the same hops with aiokafka and Redis alone, and no promise kept; what the plane is compared with."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from jobforge.native import processes
from jobforge.native.processes import Running
from ratios import raw_workers
from ratios.plane_path import REQUEST

Waiting = dict[bytes, "asyncio.Future[None]"]


@dataclass(frozen=True, slots=True)
class RawClient:
    """Sends one request at a time through a producer of its own, and hears of its end."""

    producer: AIOKafkaProducer
    waiting: Waiting

    async def request(self) -> "asyncio.Future[None]":
        """Send a request; what is returned is done when its answer was announced."""
        key = uuid4().hex.encode()
        done = self.waiting[key] = asyncio.get_running_loop().create_future()
        await self.producer.send_and_wait(raw_workers.JOBS, key=key, value=REQUEST)
        return done

    async def wait(self, job: "asyncio.Future[None]") -> None:
        """Return when the answer was announced."""
        await job

    async def read(self, job: "asyncio.Future[None]") -> bool:
        """There is nothing to read."""
        return False


async def listen(announced: PubSub, waiting: Waiting) -> None:
    """Wake whoever waits, for ever."""
    async for message in announced.listen():
        if message["type"] == "message":
            for key in message["data"].split(b" "):
                done = waiting.pop(key, None)
                if done is not None:
                    done.set_result(None)


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
async def raw_clients(bootstrap: str, redis_url: str, *, count: int) -> AsyncIterator[list[RawClient]]:
    """So many connected clients, each with its producer: with fewer, the client would be what is measured."""
    waiting: Waiting = {}
    async with AsyncExitStack() as stack:
        clients = [
            RawClient(
                await stack.enter_async_context(AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")), waiting
            )
            for _ in range(count)
        ]
        redis = await stack.enter_async_context(Redis.from_url(redis_url))
        announced = await stack.enter_async_context(redis.pubsub())
        await announced.subscribe(raw_workers.DONE)
        listening = asyncio.create_task(listen(announced, waiting))
        stack.callback(listening.cancel)
        yield clients
