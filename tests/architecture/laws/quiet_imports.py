"""Imports every module of a tree in this process and tells what they did meanwhile; run as a program.

``python quiet_imports.py SRC...``: one line a violation on standard output. A module may define; it may not read the
environment, open files, connect, start threads or processes.
"""

import importlib
import os
import sys
import threading
from pathlib import Path
from typing import Any

LOUD = {"open", "socket.connect", "socket.bind", "subprocess.Popen", "os.mkdir", "os.listdir", "os.system"}
told: list[str] = []
sources: list[str] = []


def main(folders: list[str]) -> None:
    """Import everything under these ``src`` folders and print what was not quiet."""
    sources.extend(str(Path(folder).resolve()) for folder in folders)
    sys.path[:0] = sources
    sys.addaudithook(_listen)
    os.environ.__class__ = _Watched
    for folder in sources:
        for path in sorted(Path(folder).glob("jobforge/**/*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            if parts[-1] != "__main__":
                _import(".".join(part for part in parts if part != "__init__"))
    print("\n".join(told))


def _import(name: str) -> None:
    before = threading.active_count()
    try:
        importlib.import_module(name)
    except Exception as error:
        told.append(f"{name}: cannot be imported: {error!r}")
    if threading.active_count() > before:
        told.append(f"{name}: starts a thread while it is imported")


class _Watched(os._Environ):  # type: ignore[type-arg]  # it is generic for type checkers only
    """The environment, telling who reads it."""

    def __getitem__(self, key: str) -> Any:
        _tell(f"reads {key} from the environment")
        return super().__getitem__(key)


def _listen(event: str, arguments: tuple[Any, ...]) -> None:
    if event in LOUD:
        _tell(f"{event} {str(arguments[0])[:100] if arguments else ''}")


def _tell(what: str) -> None:
    """Blame the source file that did it, unless it was the import machinery or another library's own import."""
    frame: Any = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith("<frozen importlib") or "site-packages" in name:
            return
        if name.startswith(tuple(sources)) and "/jobforge/" in name:
            told.append(f"{Path(name).name}:{frame.f_lineno}: {what} while it is imported")
            return
        frame = frame.f_back


if __name__ == "__main__":
    main(sys.argv[1:])
