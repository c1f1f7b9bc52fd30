"""A real Jaeger, built once a machine by Go from the pinned module in ``infra/jaeger``."""

import atexit
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from jobforge.native import ports, processes
from jobforge.native.cache import cached, make_once
from jobforge.native.machine import Missing, executable
from jobforge.native.places import INFRA
from jobforge.native.processes import Running
from jobforge.native.say import Say

MODULE = INFRA / "jaeger"
PACKAGE = "github.com/jaegertracing/jaeger/cmd/jaeger"
START_TIMEOUT = 30.0


def version() -> str:
    """The version that ``infra/jaeger/go.mod`` pins, without its ``v``."""
    found = re.search(r"github\.com/jaegertracing/jaeger v(\S+)", (MODULE / "go.mod").read_text())
    if not found:
        raise ValueError(f"{MODULE / 'go.mod'} does not require Jaeger")
    return found.group(1)


def built() -> Path | None:
    """The binary if it has been built on this machine."""
    folder = cached("jaeger", version())
    return folder / "jaeger" if folder else None


def install(say: Say) -> Path:
    """The binary, built once a machine; raises ``Missing`` without Go or when the build fails."""
    found = built()
    if found:
        return found
    go = executable("go", "Jaeger is built with Go")

    def build(folder: Path) -> None:
        say(f"building Jaeger {version()} with Go (about 4 min, once a machine)")
        flags = ["-trimpath", "-ldflags=-s -w", "-o", str(folder / "jaeger")]
        log = folder / "build.log"
        began = time.monotonic()
        with log.open("wb") as output:
            building = subprocess.Popen(
                [go, "build", *flags, PACKAGE],
                cwd=MODULE,
                env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            atexit.register(building.kill)
            _watch(building, say, began)
            atexit.unregister(building.kill)
        if building.returncode:
            raise Missing(f"Jaeger could not be built:\n{log.read_text(errors='replace')[-2000:]}")
        log.unlink()
        say(f"Jaeger is built ({time.monotonic() - began:.0f} s)")

    return make_once("jaeger", version(), build) / "jaeger"


def _watch(building: "subprocess.Popen[bytes]", say: Say, began: float) -> None:
    while True:
        try:
            building.wait(timeout=15)
        except subprocess.TimeoutExpired:
            say(f"still building Jaeger ({time.monotonic() - began:.0f} s)")
        else:
            return


@dataclass(frozen=True, slots=True)
class JaegerPlace:
    """Where one Jaeger lives: its log under ``folder``, and its five ports."""

    folder: Path
    http: int
    grpc: int
    health: int
    otlp_grpc: int
    otlp_http: int

    @property
    def url(self) -> str:
        """The address of its pages and API."""
        return f"http://{ports.LOOPBACK}:{self.http}"

    @property
    def otlp_endpoint(self) -> str:
        """The address that spans are sent to over HTTP."""
        return f"http://{ports.LOOPBACK}:{self.otlp_http}"

    def ready(self) -> bool:
        """Whether it takes spans and answers queries."""
        try:
            healthy = (
                httpx.get(f"http://{ports.LOOPBACK}:{self.health}/status", timeout=2).status_code == httpx.codes.OK
            )
            return healthy and httpx.get(f"{self.url}/api/v3/services", timeout=2).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False


def start(place: JaegerPlace, binary: Path, *, tied: bool = False) -> Running:
    """Start it with traces in memory; see ``wait_ready``. What is ``tied`` ends with the thread that started it."""
    numbers = {
        ports.JAEGER: place.http,
        ports.JAEGER_GRPC: place.grpc,
        ports.JAEGER_HEALTH: place.health,
        ports.OTLP_GRPC: place.otlp_grpc,
        ports.OTLP_HTTP: place.otlp_http,
    }
    environment = os.environ | {port.variable: str(number) for port, number in numbers.items()}
    command = [str(binary), "--config", str(MODULE / "native.yaml")]
    return processes.start("jaeger", command, log=place.folder / "jaeger.log", environment=environment, tied=tied)


def wait_ready(running: Running, place: JaegerPlace) -> None:
    """Wait until it takes spans; raises ``DidNotStart``."""
    processes.wait_until(running, place.ready, timeout=START_TIMEOUT)
