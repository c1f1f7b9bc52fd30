"""Real service processes for end-to-end tests: started on free ports, killed by pid, started again.

::

    async def test_something(clean_plane, tmp_path):
        environment = clean_plane.environment(artifacts=tmp_path / "artifacts", traces=True)
        async with Services(environment, logs=tmp_path / "logs") as services:
            await services.start("ingestion", "manifest", "settler")     # all at once, then ready
            client = JobForgeClient(url=services["ingestion"].url, query_url=services["manifest"].url)
            services["settler"].kill()                                   # SIGKILL to this process alone
            await services.start("settler")                              # again, on the same port

``echo`` is the testkit's own domain; any other name is ``jobforge.<name>.app:create_app``. Variables for one service
only: ``await services.start("settler", JOBFORGE_GRACE_PERIOD="5")``. Leaving the block ends all processes and their
children.
"""

import asyncio
import atexit
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import httpx
import psutil

from jobforge.native import processes
from jobforge.native.ports import LOOPBACK, free_ports
from jobforge.native.processes import DidNotStart, Running
from jobforge.native.services import command

START_TIMEOUT = 30.0


@dataclass
class ServiceProcess:
    """One service, running or ended; it keeps its port and its log through restarts."""

    name: str
    factory: str
    port: int
    environment: dict[str, str]
    log: Path
    running: Running | None = None

    @property
    def url(self) -> str:
        """``http://127.0.0.1:<port>``."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int:
        """The process id; raises ``RuntimeError`` before the first start."""
        if self.running is None:
            raise RuntimeError(f"{self.name} was never started")
        return self.running.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.running is not None and self.running.alive

    @property
    def resident_bytes(self) -> int:
        """Resident memory of the process, without its children."""
        return self.running.resident_bytes if self.running else 0

    def begin(self) -> None:
        """Start the process without waiting; nothing happens while it runs."""
        if self.alive:
            return
        self.running = processes.start(
            self.name,
            command(self.factory, self.port),
            log=self.log,
            environment=_inherited() | self.environment,
            tied=True,
        )

    async def ready(self, *, timeout: float = START_TIMEOUT) -> float:
        """Wait until ``/readyz`` answers 200; returns the seconds waited. Raises ``DidNotStart`` with the log's end."""
        began = time.monotonic()
        said = ""
        async with httpx.AsyncClient(timeout=5) as client:
            while time.monotonic() - began < timeout:
                if self.running is None or not self.running.alive:
                    raise DidNotStart(f"{self.name} ended while starting:\n{self._last_lines()}")
                try:
                    answer = await client.get(f"{self.url}/readyz")
                except httpx.HTTPError:
                    pass
                else:
                    if answer.status_code == httpx.codes.OK:
                        return time.monotonic() - began
                    said = answer.text
                await asyncio.sleep(0.05)
        raise DidNotStart(f"{self.name} was not ready after {timeout:g} s: {said}\n{self._last_lines()}")

    def kill(self) -> None:
        """SIGKILL to this process alone, as a crash; its children notice by themselves."""
        if self.running:
            self.running.signal(signal.SIGKILL)
            process = self.running.process()
            if process:
                psutil.wait_procs([process], timeout=5)

    def terminate(self) -> None:
        """SIGTERM, without waiting."""
        if self.running:
            self.running.signal(signal.SIGTERM)

    async def ended(self, *, timeout: float = 30.0) -> float:
        """Wait until the process has ended; returns the seconds waited. Raises ``TimeoutError``."""
        began = time.monotonic()
        async with asyncio.timeout(timeout):
            while self.alive:  # noqa: ASYNC110 - a pid tells nobody that it ended
                await asyncio.sleep(0.02)
        return time.monotonic() - began

    def pause(self) -> None:
        """SIGSTOP: a process that is there and does nothing."""
        if self.running:
            self.running.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        if self.running:
            self.running.signal(signal.SIGCONT)

    def _last_lines(self) -> str:
        return self.running.last_lines(40) if self.running else ""


class Services:
    """The service processes of one test. ``environment`` is what all share; logs go to ``<logs>/<name>.log``."""

    def __init__(self, environment: Mapping[str, str], *, logs: Path) -> None:
        self._environment = dict(environment)
        self._logs = logs
        self._services: dict[str, ServiceProcess] = {}

    async def __aenter__(self) -> "Services":
        atexit.register(self.kill_all)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop_all)
        atexit.unregister(self.kill_all)

    def __getitem__(self, name: str) -> ServiceProcess:
        return self._services[name]

    async def start(self, *names: str, timeout: float = START_TIMEOUT, **variables: str) -> None:
        """Start these services together and wait until each is ready; one that runs already is left alone.

        ``variables`` are for these only. Two of one kind: ``settler#2`` is a second settler.
        """
        for name in names:
            self.add(name, **variables).begin()
        await asyncio.gather(*(self._services[name].ready(timeout=timeout) for name in names))

    def add(self, name: str, **variables: str) -> ServiceProcess:
        """The named service, made with a free port if it is new, not started by this."""
        found = self._services.get(name)
        if found is None:
            found = ServiceProcess(name, _factory(name), free_ports(1)[0], {}, self._logs / f"{name}.log")
            self._services[name] = found
        found.environment = {**self._environment, "JOBFORGE_HTTP_PORT": str(found.port), **variables}
        return found

    def stop_all(self) -> None:
        """SIGTERM to every process, SIGKILL to what is left after 25 s and to all children."""
        for service in self._services.values():
            service.resume()
        processes.stop([service.running for service in self._services.values() if service.running])

    def kill_all(self) -> None:
        """SIGKILL to every process."""
        processes.stop([service.running for service in self._services.values() if service.running], grace=0)


def _inherited() -> dict[str, str]:
    """The shell's environment without what configures services, so that a test means the same for everybody."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("JOBFORGE_", "OTEL_"))}


def _factory(name: str) -> str:
    kind = name.partition("#")[0]
    module = "jobforge.testkit.echo.app" if kind == "echo" else f"jobforge.{kind}.app"
    return f"{module}:create_app"
