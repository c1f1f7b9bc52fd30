"""Processes that outlive the one that started them: known by pid and birth, so that a reused pid is never harmed."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class DidNotStart(Exception):
    """A process ended, or was not ready in time; the message ends with its last lines of log."""


@dataclass(frozen=True, slots=True)
class Running:
    """A process that was started; ``born`` is psutil's creation time, in seconds since the epoch."""

    name: str
    pid: int
    born: float
    log: str

    def process(self) -> psutil.Process | None:
        """The live process, or None when it has ended, even if its pid was given to another since."""
        try:
            found = psutil.Process(self.pid)
            if abs(found.create_time() - self.born) > 1 or found.status() == psutil.STATUS_ZOMBIE:
                return None
        except psutil.NoSuchProcess:
            return None
        return found

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process() is not None

    @property
    def resident_bytes(self) -> int:
        """Resident memory of the process alone; 0 when it has ended."""
        process = self.process()
        return int(process.memory_info().rss) if process else 0

    def last_lines(self, count: int = 15) -> str:
        """The end of its log."""
        path = Path(self.log)
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return "\n".join(lines[-count:])

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process alone; nothing happens when it has ended."""
        process = self.process()
        if process:
            process.send_signal(number)


def start(
    name: str,
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    tied: bool = False,
) -> Running:
    """Start a process in a session of its own, its output appended to ``log``.

    A ``tied`` one is killed by the kernel when the thread that started it ends, however it ends (on Linux only).
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(os.environ if environment is None else environment),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_die_with_parent if tied else None,
        )
    return Running(name, child.pid, psutil.Process(child.pid).create_time(), str(log))


def _die_with_parent() -> None:
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_until(running: Running, ready: Callable[[], bool], *, timeout: float) -> None:
    """Wait until ``ready`` says so; raises ``DidNotStart`` as soon as the process has ended, or after ``timeout`` s."""
    deadline = time.monotonic() + timeout
    while not ready():
        if not running.alive:
            raise DidNotStart(f"{running.name} ended while starting; its log:\n{running.last_lines()}")
        if time.monotonic() > deadline:
            raise DidNotStart(f"{running.name} was not ready after {timeout:.0f} s; its log:\n{running.last_lines()}")
        time.sleep(0.05)


def stop(started: Iterable[Running], *, grace: float = 25.0) -> list[Running]:
    """SIGTERM to all, SIGKILL after ``grace`` seconds to what is left of them and of their children.

    Returns those that had to be killed.
    """
    all_of_them = list(started)
    stopping = [(running, process) for running in all_of_them if (process := running.process())]
    children = [child for _, process in stopping for child in _children(process)]
    for running, _ in stopping:
        running.signal(signal.SIGTERM)
        running.signal(signal.SIGCONT)
    _, left = psutil.wait_procs([process for _, process in stopping], timeout=grace)
    for process in [*left, *(child for child in children if child.is_running())]:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs([*left, *children], timeout=5)
    return [running for running, process in stopping if process in left]


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return []
