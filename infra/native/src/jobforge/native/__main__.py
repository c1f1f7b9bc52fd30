"""``python -m jobforge.native up|down|status|logs|demo|clean|fetch``: the plane of this tree, as ``make`` runs it."""

import argparse
import sys

from jobforge.native import jaeger, kafka, machine
from jobforge.native.plane import Plane, addresses
from jobforge.native.ports import PortTaken
from jobforge.native.processes import DidNotStart
from jobforge.native.say import to_stderr


def fetch() -> None:
    """Put what native mode and the tests run into the cache; without Go, Jaeger is left out and that is said."""
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
