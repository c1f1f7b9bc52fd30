"""Starts and stops a whole plane as local processes, each when what it needs is ready."""

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx

from jobforge.native import jaeger, kafka, machine, ports, processes, state, valkey
from jobforge.native.environment import client_environment, partitions, plane_environment
from jobforge.native.places import ROOT, RUNTIME
from jobforge.native.ports import LOOPBACK, Port, require_free
from jobforge.native.processes import DidNotStart, Running
from jobforge.native.say import Say
from jobforge.native.services import Service, command, registered
from jobforge.native.state import PlaneState

TOPICS = ROOT / "schemas" / "topics.yaml"
READY_TIMEOUT = 60.0
"""Seconds for a service to be ready: below 5 on an idle machine, more beside a build of Jaeger."""
SERVERS = frozenset({"kafka", "valkey", "jaeger"})
JAEGER_GRACE = 1.0
"""Jaeger keeps traces in memory only and takes 10 s to end by itself."""


@dataclass
class Supervisor:
    """One plane: ``up`` brings up what is missing, ``down`` ends all of it."""

    say: Say
    runtime: Path = RUNTIME
    services: tuple[Service, ...] = field(default_factory=registered)
    _started: list[Running] = field(default_factory=list, init=False)

    def up(self) -> bool:
        """Start what does not run yet, and wait until all is ready; returns whether anything was started.

        Whatever goes wrong, what this call started is ended again. Raises ``PortTaken``, ``Missing``, ``DidNotStart``.
        """
        known = state.load(self._state) or PlaneState("native")
        running = {each.name for each in known.alive()}
        wanted = self._ports()
        self._refuse_moved_ports(known, running)
        require_free([port for name, group in wanted.items() if name not in running for port in group])
        if set(wanted) <= running:
            self.say("the plane is already running")
            return False
        known = PlaneState(
            "native", known.alive(), {port.variable: port.number() for g in wanted.values() for port in g}
        )
        try:
            self._start_missing(known, running)
        except BaseException:
            self._stop(self._started)
            self._remember(known)
            raise
        return True

    def down(self) -> None:
        """End the plane: services first, each with time to finish; its data stays."""
        known = state.load(self._state)
        if known is None:
            self.say("no plane is running")
            return
        self.say("stopping the services")
        self._stop(known.alive())
        state.forget(self._state)
        self.say("the plane is down; its data stays in .runtime (make clean removes it)")

    def _stop(self, alive: Sequence[Running]) -> None:
        """Services while Kafka still answers them, Jaeger after their last spans, the rest at the end."""
        killed = processes.stop([each for each in alive if each.name not in SERVERS])
        processes.stop([each for each in alive if each.name == "jaeger"], grace=JAEGER_GRACE)
        killed += processes.stop([each for each in alive if each.name in SERVERS - {"jaeger"}])
        for each in killed:
            self.say(f"{each.name} did not stop in time and was killed")

    @property
    def _state(self) -> Path:
        return self.runtime / "plane.json"

    @property
    def traced(self) -> bool:
        """Whether spans have somewhere to go."""
        return jaeger.built() is not None or machine.has("go")

    def _ports(self) -> dict[str, tuple[Port, ...]]:
        """What each process listens on."""
        groups: dict[str, tuple[Port, ...]] = {"kafka": (ports.KAFKA, ports.KAFKA_CONTROLLER), "valkey": (ports.REDIS,)}
        if self.traced:
            groups["jaeger"] = ports.JAEGER_PORTS
        return groups | {service.name: (service.port,) for service in self.services}

    def _refuse_moved_ports(self, known: PlaneState, running: set[str]) -> None:
        moved = [
            port.variable
            for name, group in self._ports().items()
            for port in group
            if name in running and known.ports.get(port.variable, port.number()) != port.number()
        ]
        if moved:
            raise ValueError(f"the plane runs on other ports than {', '.join(moved)} say: run `make down` first")

    def _start_missing(self, known: PlaneState, running: set[str]) -> None:
        traces = self._start_jaeger(running)
        self._start_servers(known, running)
        self._apply_topics()
        environment = plane_environment(self.runtime, traces=traces is not None or "jaeger" in running)
        environment |= client_environment(registered())  # a service may be a client of the plane, too
        (self.runtime / "artifacts").mkdir(parents=True, exist_ok=True)
        self.say("starting " + ", ".join(service.name for service in self.services))
        for service in self.services:
            if service.name not in running:
                own = {"JOBFORGE_HTTP_HOST": LOOPBACK, "JOBFORGE_HTTP_PORT": str(service.port.number())}
                self._add(known, self._begin_service(service, environment | own))
        self._await_services()
        if traces is not None:
            self._finish_jaeger(known, traces)

    def _add(self, known: PlaneState, started: Running) -> Running:
        self._started.append(started)
        self._remember(known)
        return started

    def _remember(self, known: PlaneState) -> None:
        now = known.with_processes(self._started)
        left = PlaneState("native", now.alive(), now.ports)
        if left.processes:
            state.save(left, self._state)
        else:
            state.forget(self._state)

    def _start_servers(self, known: PlaneState, running: set[str]) -> None:
        broker = kafka.KafkaPlace(
            self.runtime / "kafka", ports.KAFKA.number(), ports.KAFKA_CONTROLLER.number(), partitions()
        )
        cache = valkey.ValkeyPlace(self.runtime / "valkey", ports.REDIS.number())
        begun_cache = None if "valkey" in running else self._add(known, valkey.start(cache))
        if "kafka" not in running:
            machine.java()
            self.say(f"starting Kafka {kafka.version()} on port {broker.port} and Valkey on port {cache.port}")
            kafka.wait_ready(self._add(known, kafka.start(broker, say=self.say)))
        if begun_cache:
            valkey.wait_ready(begun_cache, cache)

    def _apply_topics(self) -> None:
        arguments = ["--topics", str(TOPICS), "--bootstrap", f"{LOOPBACK}:{ports.KAFKA.number()}"]
        done = subprocess.run(
            [sys.executable, "-m", "jobforge.chassis.provision", *arguments, "--partitions", str(partitions())],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DidNotStart(done.stderr.strip() or done.stdout.strip())
        self.say(done.stdout.strip())

    def _begin_service(self, service: Service, environment: dict[str, str]) -> Running:
        log = self.runtime / "logs" / f"{service.name}.log"
        log.unlink(missing_ok=True)
        return processes.start(
            service.name, command(service.factory, service.port.number()), log=log, environment=environment, cwd=ROOT
        )

    def _await_services(self) -> None:
        by_name = {each.name: each for each in self._started}
        for service in self.services:
            if service.name in by_name:
                began = time.monotonic()
                processes.wait_until(by_name[service.name], partial(ready, service.url), timeout=READY_TIMEOUT)
                self.say(f"{service.name} is ready at {service.url} ({time.monotonic() - began:.1f} s)")

    def _start_jaeger(self, running: set[str]) -> "JaegerStart | None":
        """Jaeger's build or start, going on beside everything else; None when it runs already or cannot be had."""
        if "jaeger" in running:
            return None
        if not self.traced:
            self.say("Go is not on the PATH, so Jaeger cannot be built: traces are kept nowhere")
            return None
        return JaegerStart(self.say)

    def _finish_jaeger(self, known: PlaneState, traces: "JaegerStart") -> None:
        binary = traces.binary()
        if binary is None:
            self.say("traces are kept nowhere; everything else runs")
            return
        place = jaeger.JaegerPlace(self.runtime / "logs", *(port.number() for port in ports.JAEGER_PORTS))
        jaeger.wait_ready(self._add(known, jaeger.start(place, binary)), place)
        self.say(f"Jaeger is ready at {place.url}")


class JaegerStart:
    """Gets Jaeger's binary in a thread, so that the first build of some minutes holds up nothing else."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._found: Path | None = None
        self._thread = threading.Thread(target=self._get, name="jaeger", daemon=True)
        self._thread.start()

    def _get(self) -> None:
        try:
            self._found = jaeger.install(self._say)
        except (machine.Missing, OSError) as error:
            self._say(f"Jaeger cannot be had: {error}")

    def binary(self) -> Path | None:
        """The binary, when the build has ended; None when it failed."""
        if self._thread.is_alive():
            self._say("the plane is ready; waiting for Jaeger's build, traces are kept from then on")
        self._thread.join()
        return self._found


def ready(url: str) -> bool:
    """Whether a service says that it is ready."""
    try:
        return httpx.get(f"{url}/readyz", timeout=3).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
