"""The real plane that tests run on: Kafka and Valkey, and Jaeger for those that ask for it, once a session.

In a test (the fixtures come with the package, there is nothing to import)::

    async def test_something(clean_plane):            # topics just made, Redis empty
        Settings(kafka_bootstrap=clean_plane.kafka_bootstrap, redis_url=clean_plane.redis_url)

``plane`` is the same without the reset. ``plane.kafka`` and ``plane.valkey`` can be stopped, killed, paused and started
again, on the same ports and with the same data. ``JOBFORGE_TEST_BACKEND`` is ``native`` or ``docker``; unset, Docker is
taken when an engine answers and holds the images. When neither can start, the tests that need them fail: they are never
skipped.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from jobforge.testkit.domains import plane_apps, plane_domains
from jobforge.testkit.reset import reset_kafka, reset_redis

PARTITIONS = 8


class Server(Protocol):
    """One real server of the plane. What is paused or stopped keeps its ports and its data."""

    def start(self) -> None:
        """Start it and wait until it is ready; nothing happens when it runs."""
        ...

    def stop(self) -> None:
        """End it as an operator would."""
        ...

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        ...

    def pause(self) -> None:
        """Freeze it: connections stay open and nobody answers."""
        ...

    def resume(self) -> None:
        """Let it go on."""
        ...


class Backend(Protocol):
    """A way to run the servers: as processes or as containers."""

    kafka_bootstrap: str
    redis_url: str
    jaeger_url: str
    otlp_endpoint: str

    @property
    def name(self) -> str:
        """``native`` or ``docker``."""
        ...

    @property
    def kafka(self) -> Server:
        """The broker."""
        ...

    @property
    def valkey(self) -> Server:
        """The Valkey server."""
        ...

    @property
    def jaeger(self) -> Server:
        """The Jaeger server, not started by ``start_backend``."""
        ...

    def close(self) -> None:
        """End every server and remove what they wrote."""
        ...


@dataclass
class Plane:
    """Real servers and their addresses. Jaeger is started by the first use of one of its addresses."""

    servers: Backend
    partitions: int = PARTITIONS
    _traced: bool = field(default=False, init=False)

    @property
    def backend(self) -> str:
        """``native`` or ``docker``."""
        return self.servers.name

    @property
    def kafka(self) -> Server:
        """The Kafka broker."""
        return self.servers.kafka

    @property
    def valkey(self) -> Server:
        """The Valkey server."""
        return self.servers.valkey

    @property
    def kafka_bootstrap(self) -> str:
        """``host:port``."""
        return self.servers.kafka_bootstrap

    @property
    def redis_url(self) -> str:
        """``redis://...``."""
        return self.servers.redis_url

    @property
    def jaeger_url(self) -> str:
        """Jaeger's pages and API; starts it. A trace can be looked up about a second after its spans were sent."""
        self._start_jaeger()
        return self.servers.jaeger_url

    @property
    def otlp_endpoint(self) -> str:
        """Where spans are sent over HTTP, without ``/v1/traces``; starts Jaeger."""
        self._start_jaeger()
        return self.servers.otlp_endpoint

    def _start_jaeger(self) -> None:
        if not self._traced:
            self.servers.jaeger.start()
            self._traced = True

    def environment(self, *, artifacts: Path, traces: bool = False, **more: str) -> dict[str, str]:
        """What a service process needs to run on this plane; ``more`` are further variables, by their full names."""
        chosen = {
            "JOBFORGE_PROFILE": "development",
            "JOBFORGE_KAFKA_BOOTSTRAP": self.kafka_bootstrap,
            "JOBFORGE_REDIS_URL": self.redis_url,
            "JOBFORGE_PARTITIONS": str(self.partitions),
            "JOBFORGE_ARTIFACTS_URL": artifacts.absolute().as_uri(),
        }
        if traces:
            chosen |= {"JOBFORGE_JAEGER_URL": self.jaeger_url, "OTEL_EXPORTER_OTLP_ENDPOINT": self.otlp_endpoint}
        return chosen | more

    async def reset(self, *, apps: Iterable[str] | None = None, domains: Iterable[str] | None = None) -> None:
        """Empty the plane: Redis flushed, consumer groups gone, every topic made anew.

        Topics are those of ``apps`` (by default those of ``infra/kafka/apps.yaml``) and ``domains`` (by default every
        service that is one, and the testkit's ``echo``). Services must not be running: they would keep old offsets.
        """
        await reset_redis(self.redis_url)
        await reset_kafka(
            self.kafka_bootstrap,
            apps=plane_apps() if apps is None else tuple(apps),
            domains=plane_domains() if domains is None else tuple(domains),
            partitions=self.partitions,
        )

    def mend(self) -> None:
        """Start again what a test stopped, killed or paused."""
        for server in (self.kafka, self.valkey, *([self.servers.jaeger] if self._traced else [])):
            server.resume()
            server.start()


def start_backend(folder: Path) -> Backend:
    """Start Kafka and Valkey by the way that ``JOBFORGE_TEST_BACKEND`` names, or the first that this machine can.

    Raises what stopped it: a machine that can run neither fails the tests that need one.
    """
    from jobforge.testkit import docker_backend, native_backend

    wanted = os.environ.get("JOBFORGE_TEST_BACKEND", "")
    if wanted not in ("", "native", "docker"):
        raise ValueError(f"JOBFORGE_TEST_BACKEND is native or docker, not {wanted!r}")
    if wanted == "docker" or (not wanted and docker_backend.available()):
        return docker_backend.start()
    return native_backend.start(folder)
