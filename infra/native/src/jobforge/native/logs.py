"""One view of all logs: followed together, each line under its process's name and colour, JSON made readable."""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

COLOURS = (36, 33, 35, 32, 34, 96, 93, 95, 92, 94)
LEVEL_COLOURS = {"warning": 33, "error": 31, "critical": 31}
PLUMBING = frozenset({"event", "level", "timestamp", "service", "logger"})


class Follower:
    """One log file, read as it grows and from its start again when it was made anew."""

    def __init__(self, path: Path, *, lines: int) -> None:
        self.name = path.stem
        self._path = path
        self._file: IO[str] | None = None
        self._rest = ""
        self._skip_to = max(0, _count(path) - lines)

    def new_lines(self) -> Iterator[str]:
        """Complete lines since the last call."""
        if self._file is None or self._was_replaced():
            if not self._path.exists():
                return
            if self._file:
                self._file.close()
                self._skip_to = 0
            self._file = self._path.open(encoding="utf-8", errors="replace")
        self._rest += self._file.read()
        *complete, self._rest = self._rest.split("\n")
        yield from complete[self._skip_to :]
        self._skip_to = max(0, self._skip_to - len(complete))

    def _was_replaced(self) -> bool:
        try:
            return self._file is not None and not os.path.samestat(os.fstat(self._file.fileno()), self._path.stat())
        except FileNotFoundError:
            return False


def _count(path: Path) -> int:
    return path.read_text(errors="replace").count("\n") if path.exists() else 0


def paths(runtime: Path) -> list[Path]:
    """Every log of a native plane."""
    found = [*runtime.glob("logs/*.log"), *runtime.glob("*/kafka.log"), *runtime.glob("*/valkey.log")]
    return sorted(set(found), key=lambda path: path.stem)


def show(runtime: Path, *, follow: bool = True, lines: int = 20) -> None:
    """Write the last ``lines`` of every log, then what is added, until interrupted."""
    followers = [Follower(path, lines=lines) for path in paths(runtime)]
    width = max((len(follower.name) for follower in followers), default=0)
    colourful = sys.stdout.isatty()
    while followers:
        said = False
        for number, follower in enumerate(followers):
            for line in follower.new_lines():
                said = True
                prefix = coloured(f"{follower.name:<{width}} |", COLOURS[number % len(COLOURS)], colourful)
                sys.stdout.write(f"{prefix} {readable(line, colourful)}\n")
        sys.stdout.flush()
        if not follow:
            return
        if not said:
            time.sleep(0.2)


def readable(line: str, colourful: bool) -> str:
    """A structured line as ``time level event key=value ...``; any other line as it is."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line
    if not isinstance(entry, dict) or "event" not in entry:
        return line
    level = str(entry.get("level", ""))
    values = " ".join(f"{name}={value}" for name, value in entry.items() if name not in PLUMBING)
    said = f"{str(entry.get('timestamp', ''))[11:23]} {level:<7} {entry['event']}"
    return f"{coloured(said, LEVEL_COLOURS.get(level), colourful)} {values}".rstrip()


def coloured(text: str, colour: int | None, colourful: bool) -> str:
    """The text in a terminal colour, when colours are wanted."""
    return f"\x1b[{colour}m{text}\x1b[0m" if colourful and colour else text
