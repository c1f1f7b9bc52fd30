"""The plane that is mistreated: real processes, brought back by a supervisor whenever one ends."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from jobforge.native.processes import DidNotStart
from jobforge.testkit.backends import Plane
from jobforge.testkit.processes import ServiceProcess, Services
from trial.proxy import Proxy

WORKERS = ("echo", "echo#2")
SERVICES = ("ingestion", "manifest", "scheduler", *WORKERS)
NOTICED = 0.3
"""Seconds until the supervisor notices that a process has ended."""
READY = 60.0


@dataclass
class ChaosPlane:
    """Services on real servers. Redis is reached through a proxy; whoever dies is started again, unless kept down."""

    servers: Plane
    services: Services
    redis: Proxy
    artifacts: Path
    logs: Path
    down: set[str] = field(default_factory=set)
    """Services that stay down when they end."""
    restarts: dict[str, int] = field(default_factory=dict)
    guests: tuple[str, ...] = ()
    """Services that one trial alone needs, beside ``SERVICES``."""

    def __getitem__(self, name: str) -> ServiceProcess:
        return self.services[name]

    @property
    def bootstrap(self) -> str:
        """Where Kafka is."""
        return self.servers.kafka_bootstrap

    async def ready(self, *names: str, timeout: float = READY) -> None:
        """Wait until these services, or all, say that they are ready. Raises ``DidNotStart``."""
        async with asyncio.timeout(timeout):
            for name in names or SERVICES:
                while True:
                    try:
                        await self.services[name].ready(timeout=timeout)
                        break
                    except DidNotStart:
                        await asyncio.sleep(NOTICED)  # it was killed while starting; the supervisor tries again

    async def restart(self, name: str) -> float:
        """SIGTERM, wait for the end, start, wait until it is ready; returns the seconds that the end took."""
        self.down.add(name)
        try:
            self.services[name].terminate()
            took = await self.services[name].ended()
        finally:
            self.down.discard(name)
        self.services[name].begin()
        await self.ready(name)
        return took

    async def stop(self, *names: str) -> None:
        """SIGTERM to these together, and keep them down until ``start``."""
        self.down |= set(names)
        for name in names:
            self.services[name].terminate()
        await asyncio.gather(*(self.services[name].ended() for name in names))

    async def start(self, *names: str) -> None:
        """Bring these back and wait until they are ready."""
        self.down -= set(names)
        for name in names:
            self.services[name].begin()
        await self.ready(*names)

    @asynccontextmanager
    async def joined_by(self, *names: str, **variables: str) -> AsyncIterator[None]:
        """These services run, too, and are brought back like the others, until the context is left."""
        self.down -= set(names)
        self.guests = names
        try:
            await self.services.start(*names, timeout=READY, **variables)
            yield
        finally:
            await self.stop(*names)
            self.guests = ()

    async def renew(self) -> None:
        """Empty the plane and start its services again."""
        await self.stop(*SERVICES)
        self.redis.mend()
        self.servers.mend()
        await self.servers.reset()
        _empty(self.artifacts)
        self.restarts.clear()
        await self.start(*SERVICES)

    async def kill(self, random: Random, name: str) -> None:
        """SIGKILL; the supervisor brings it back."""
        await asyncio.to_thread(self.services[name].kill)

    async def supervise(self) -> None:
        """Start again what has ended, as any supervisor of services does."""
        while True:
            await asyncio.sleep(NOTICED)
            for name in (*SERVICES, *self.guests):
                if name not in self.down and not self.services[name].alive:
                    self.restarts[name] = self.restarts.get(name, 0) + 1
                    self.services[name].begin()


@asynccontextmanager
async def chaos_plane(servers: Plane, folder: Path) -> AsyncIterator[ChaosPlane]:
    """A plane whose services run; all of them are ended by pid when the block is left, however it is left."""
    artifacts, logs = folder / "artifacts", folder / "logs"
    _empty(artifacts)
    shutil.rmtree(logs, ignore_errors=True)
    await servers.reset()
    redis_port = urlsplit(servers.redis_url).port
    assert redis_port is not None
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(Proxy(redis_port))
        environment = servers.environment(artifacts=artifacts, JOBFORGE_REDIS_URL=f"redis://127.0.0.1:{redis.port}/0")
        services = await stack.enter_async_context(Services(environment, logs=logs))
        await services.start(*SERVICES, timeout=READY)
        plane = ChaosPlane(servers, services, redis, artifacts, logs)
        watching = asyncio.create_task(plane.supervise())
        try:
            yield plane
        finally:
            watching.cancel()
            servers.mend()  # services that stop talk to Kafka


def _empty(artifacts: Path) -> None:
    """No manifest of an earlier trial is in the archive: the same seed makes the same runs."""
    shutil.rmtree(artifacts, ignore_errors=True)
    artifacts.mkdir(parents=True)
