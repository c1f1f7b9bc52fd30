"""What is known of the plane that runs: kept in a file, so that every later command finds it."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from jobforge.native.places import RUNTIME
from jobforge.native.processes import Running

Mode = Literal["native", "docker"]
STATE = RUNTIME / "plane.json"


@dataclass(frozen=True, slots=True)
class PlaneState:
    """How the plane was started, its processes (none in Docker), and the ports that they took, by name."""

    mode: Mode
    processes: tuple[Running, ...] = ()
    ports: dict[str, int] = field(default_factory=dict)

    def alive(self) -> tuple[Running, ...]:
        """The processes that still run."""
        return tuple(running for running in self.processes if running.alive)

    def with_processes(self, started: Iterable[Running]) -> "PlaneState":
        """The state with these processes, each replacing one of its name."""
        by_name = {running.name: running for running in (*self.processes, *started)}
        return replace(self, processes=tuple(by_name.values()))


def load(path: Path = STATE) -> PlaneState | None:
    """The plane that was started from this tree, or None; a torn or foreign file counts as None."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return PlaneState(document["mode"], tuple(Running(**each) for each in document["processes"]), document["ports"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def save(state: PlaneState, path: Path = STATE) -> None:
    """Write the file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(state), indent=1), encoding="utf-8")
    fresh.replace(path)


def forget(path: Path = STATE) -> None:
    """The plane has ended."""
    path.unlink(missing_ok=True)
