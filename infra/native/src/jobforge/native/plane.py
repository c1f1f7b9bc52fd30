"""The plane of this tree, in whichever way it runs: what ``make`` calls."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from jobforge.native import docker_plane, logs, ports, state
from jobforge.native.environment import client_environment
from jobforge.native.places import ROOT, RUNTIME
from jobforge.native.processes import Running
from jobforge.native.say import Say
from jobforge.native.services import registered
from jobforge.native.state import Mode, PlaneState
from jobforge.native.supervisor import Supervisor, ready


@dataclass
class Plane:
    """Starts, stops and shows the plane."""

    say: Say

    def mode(self) -> Mode:
        """The way the plane runs already, or that MODE asks for, or the first that this machine can; says which."""
        running = self._running()
        asked = os.environ.get("MODE", "")
        if asked not in ("", "docker", "native"):
            raise ValueError(f"MODE is docker or native, not {asked!r}")
        if running:
            if asked and asked != running:
                raise ValueError(f"the plane runs in {running} mode: run `make down` before MODE={asked}")
            return running
        if asked == "native":
            self.say("mode: native, as MODE says")
            return "native"
        reason = docker_plane.why_not(self.say)
        if asked == "docker":
            if reason:
                raise ValueError(f"MODE=docker is not possible: {reason}")
            self.say("mode: docker, as MODE says")
            return "docker"
        if reason is None:
            self.say("mode: docker, since an engine answers and has the images (MODE=native forces local processes)")
            return "docker"
        self.say(f"mode: native, since {reason} (MODE=docker forces containers)")
        return "native"

    def _running(self) -> Mode | None:
        known = state.load()
        if known and known.mode == "native" and known.alive():
            return "native"
        if known and known.mode == "docker" and docker_plane.running():
            return "docker"
        return None

    def up(self) -> bool:
        """Start what does not run; returns whether anything was started."""
        if self.mode() == "native":
            return Supervisor(self.say).up()
        started = docker_plane.up(self.say)
        state.save(PlaneState("docker"))
        return started

    def down(self) -> None:
        """Stop the plane; its data stays."""
        running = self._running()
        if running == "docker":
            docker_plane.down(self.say)
            state.forget()
        else:
            Supervisor(self.say).down()

    def clean(self) -> None:
        """Stop the plane and remove its data."""
        if self._running() == "docker":
            docker_plane.down(self.say, volumes=True)
            state.forget()
        else:
            Supervisor(self.say).down()
        shutil.rmtree(RUNTIME, ignore_errors=True)

    def logs(self) -> None:
        """Follow all logs until interrupted."""
        if self._running() == "docker":
            docker_plane.compose("logs", "--follow", "--tail", "20")
        else:
            logs.show(RUNTIME)

    def status(self) -> bool:
        """Write a line for each process and its state; returns whether all that is needed runs and is ready."""
        running = self._running()
        if running is None:
            self.say("no plane is running")
            return False
        if running == "docker":
            return docker_plane.compose("ps") == 0
        known = cast(PlaneState, state.load())
        fine = [self._line(each) for each in known.processes]
        return all(fine)

    def _line(self, each: Running) -> bool:
        service = next((service for service in registered() if service.name == each.name), None)
        fine = each.alive and (service is None or ready(service.url))
        said = "ready" if fine else "not ready" if each.alive else "ended"
        address = service.url if service else ""
        sys.stdout.write(
            f"{each.name:<12} {said:<10} pid {each.pid:<8} {each.resident_bytes >> 20:>5} MiB  {address}\n"
        )
        return fine

    def demo(self, arguments: list[str]) -> int:
        """Run ``jobforge demo`` on the plane, started for it if it does not run; returns the demo's exit code."""
        started = self.up()
        try:
            return _foreground(
                [sys.executable, "-c", "from jobforge.cli.app import main; main()", "demo", *arguments],
                dict(os.environ) | dict(client_environment(registered())),
            )
        finally:
            if started:
                self.down()


def _foreground(command: list[str], environment: dict[str, str]) -> int:
    """Run a command on this terminal; an interrupt reaches it first, and this process goes on to clean up."""
    child = subprocess.Popen(command, env=environment, cwd=ROOT)
    before: Callable[..., object] | int | None = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return child.wait()
    finally:
        signal.signal(signal.SIGINT, before)


def addresses() -> str:
    """Where the doors answer, and Jaeger if there is one."""
    doors = [f"{service.name} {service.url}" for service in registered() if service.kind in ("door", "view")]
    known = state.load()
    if known and (known.mode == "docker" or any(each.name == "jaeger" for each in known.alive())):
        doors.append(f"jaeger http://{ports.LOOPBACK}:{ports.JAEGER.number()}")
    return "  ".join(doors)
