"""Kafka, Valkey and Jaeger as containers, through testcontainers."""

import time
from collections.abc import Callable

import docker
import httpx
from docker.errors import DockerException
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from jobforge.native import kafka, ports, valkey
from jobforge.native.containers import image, kafka_environment
from jobforge.native.places import INFRA
from jobforge.testkit.backends import PARTITIONS

START_TIMEOUT = 120.0


def available() -> bool:
    """Whether an engine answers and holds every image."""
    try:
        client = docker.from_env(timeout=5)
    except DockerException:
        return False
    try:
        for service in ("kafka", "valkey", "jaeger"):
            client.images.get(image(service))
    except (DockerException, OSError):
        return False
    finally:
        client.close()
    return True


class ContainerServer:
    """One container that can be ended and started again; its ports on loopback stay the same."""

    def __init__(self, make: Callable[[], DockerContainer], ready: Callable[[], bool]) -> None:
        self._make = make
        self._ready = ready
        self._container: DockerContainer | None = None

    def start(self) -> None:
        """Create or start it and wait until it is ready."""
        if self._container is None:
            self._container = self._make().start()
        elif self._state() != "running":
            self._container.get_wrapped_container().start()
        deadline = time.monotonic() + START_TIMEOUT
        while not self._ready():
            if self._state() == "exited" or time.monotonic() > deadline:
                raise TimeoutError(f"the container was not ready; its log:\n{self.log()[-2000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """``docker stop``."""
        if self._container and self._state() == "running":
            self._container.get_wrapped_container().stop(timeout=20)

    def kill(self) -> None:
        """``docker kill``."""
        if self._container and self._state() == "running":
            self._container.get_wrapped_container().kill()

    def pause(self) -> None:
        """``docker pause``."""
        if self._container and self._state() == "running":
            self._container.get_wrapped_container().pause()

    def resume(self) -> None:
        """``docker unpause``."""
        if self._container and self._state() == "paused":
            self._container.get_wrapped_container().unpause()

    def remove(self) -> None:
        """End it and remove its volumes."""
        if self._container:
            self._container.stop(force=True, delete_volume=True)

    def log(self) -> str:
        """Everything that it wrote."""
        if self._container is None:
            return ""
        return b"".join(self._container.get_logs()).decode(errors="replace")

    def _state(self) -> str:
        if self._container is None:
            return "absent"
        wrapped = self._container.get_wrapped_container()
        wrapped.reload()
        return str(wrapped.status)


class DockerBackend:
    """The servers of one test session."""

    name = "docker"

    def __init__(self) -> None:
        self._ports = ports.free_ports(5)
        kafka_port, valkey_port, jaeger_port, otlp_port, self._health = self._ports
        self.kafka_bootstrap = f"{ports.LOOPBACK}:{kafka_port}"
        self.redis_url = f"redis://{ports.LOOPBACK}:{valkey_port}/0"
        self.jaeger_url = f"http://{ports.LOOPBACK}:{jaeger_port}"
        self.otlp_endpoint = f"http://{ports.LOOPBACK}:{otlp_port}"
        self.kafka = ContainerServer(self._make_kafka, lambda: kafka.answers(self.kafka_bootstrap))
        self.valkey = ContainerServer(self._make_valkey, lambda: valkey.answers(valkey_port))
        self.jaeger = ContainerServer(self._make_jaeger, self._jaeger_ready)

    def _make_kafka(self) -> DockerContainer:
        container = _published(DockerContainer(image("kafka")), {self._ports[0]: self._ports[0]})
        for name, value in kafka_environment(self._ports[0], partitions=PARTITIONS).items():
            container.with_env(name, value)
        return container

    def _make_valkey(self) -> DockerContainer:
        command = ["valkey-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--appendonly", "yes"]  # noqa: S104
        return _published(DockerContainer(image("valkey")), {6379: self._ports[1]}).with_command(command)

    def _make_jaeger(self) -> DockerContainer:
        published = {16686: self._ports[2], 4318: self._ports[3], 13133: self._health}
        container = _published(DockerContainer(image("jaeger")), published)
        container.with_volume_mapping(INFRA / "jaeger" / "container.yaml", "/etc/jobforge/jaeger.yaml", "ro")
        return container.with_command(["--config", "/etc/jobforge/jaeger.yaml"])

    def _jaeger_ready(self) -> bool:
        try:
            return httpx.get(f"http://{ports.LOOPBACK}:{self._health}/status", timeout=2).is_success
        except httpx.HTTPError:
            return False

    def close(self) -> None:
        """Remove every container and its volumes."""
        for server in (self.jaeger, self.valkey, self.kafka):
            server.remove()


def _published(container: DockerContainer, numbers: dict[int, int]) -> DockerContainer:
    """The container with these of its ports on loopback, at fixed numbers so that a restart keeps them."""
    published = {f"{inside}/tcp": (ports.LOOPBACK, outside) for inside, outside in numbers.items()}
    container.ports.update(published)  # type: ignore[arg-type]  # docker-py takes an address with the port
    return container


def start() -> DockerBackend:
    """Start Kafka and Valkey; whatever fails, no container is left."""
    client = docker.from_env()
    try:
        # The reaper removes what a killed test run leaves; where its image cannot be had, tests go on without it.
        testcontainers_config.ryuk_disabled = testcontainers_config.ryuk_disabled or not client.images.list(
            testcontainers_config.ryuk_image
        )
    finally:
        client.close()
    backend = DockerBackend()
    try:
        backend.valkey.start()
        backend.kafka.start()
    except BaseException:
        backend.close()
        raise
    return backend
