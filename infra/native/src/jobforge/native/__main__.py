"""``python -m jobforge.native up|down|status|logs|demo|clean|fetch``: the plane of this tree, as ``make`` runs it."""

import argparse
import os
import sys

from jobforge.native import docker_plane, jaeger, kafka, machine
from jobforge.native.plane import Plane, addresses
from jobforge.native.ports import PortTaken
from jobforge.native.processes import DidNotStart
from jobforge.native.say import to_stderr


def fetch() -> None:
    """Get what the tests' plane needs: images where a Docker engine answers, else what native mode runs.

    Without Go, Jaeger is left out and that is said. ``JOBFORGE_TEST_BACKEND`` or ``MODE`` forces one of them.
    """
    forced = os.environ.get("JOBFORGE_TEST_BACKEND") or os.environ.get("MODE")
    if forced != "native":
        reason = docker_plane.why_not(to_stderr)
        if reason is None:
            to_stderr("the tests' servers run in containers (JOBFORGE_TEST_BACKEND=native forces local processes)")
            return
        if forced == "docker":
            raise machine.Missing(f"JOBFORGE_TEST_BACKEND=docker is not possible: {reason}")
        to_stderr(f"the tests' servers run as local processes, since {reason}")
    machine.java()
    kafka.install(to_stderr)
    if jaeger.built() is None and not machine.has("go"):
        to_stderr("Go is not on the PATH, so Jaeger cannot be built: traces are kept nowhere")
        return
    jaeger.install(to_stderr)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; exit code 1 and one line for what went wrong."""
    parser = argparse.ArgumentParser(prog="jobforge.native", description=__doc__)
    parser.add_argument("command", choices=["up", "down", "status", "logs", "demo", "clean", "fetch"])
    chosen, rest = parser.parse_known_args(arguments)
    try:
        return run(chosen.command, rest)
    except (PortTaken, machine.Missing, DidNotStart, ValueError) as error:
        to_stderr(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


def run(command: str, rest: list[str]) -> int:
    """Run one command; errors are raised."""
    plane = Plane(to_stderr)
    match command:
        case "up":
            plane.up()
            to_stderr(f"the plane is up: {addresses()}")
        case "demo":
            return plane.demo(rest)
        case "status":
            return 0 if plane.status() else 1
        case "down":
            plane.down()
        case "logs":
            plane.logs()
        case "clean":
            plane.clean()
        case _:
            fetch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
