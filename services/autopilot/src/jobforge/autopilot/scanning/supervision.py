"""Ends a process with all that it started when nobody waits for it any more, or when it takes more than it may."""

import ctypes
import os
import select
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from time import monotonic

PREFIX = "jobforge-browser-"
_LOOK_EVERY = 0.2
_BECOME_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of Linux, which the standard library has no name for."""
_ROUNDS = 50


@contextmanager
def supervised(seconds: float, memory: int, too_much: Callable[[str], None]) -> Iterator[Path]:
    """A folder of this process, gone afterwards together with every process that was started meanwhile.

    As soon as standard input ends, ``seconds`` have passed or the started processes hold ``memory`` bytes, they are
    killed, ``too_much`` is told the reason, and this process exits.
    """
    _adopt_orphans()
    folder = Path(mkdtemp(prefix=PREFIX))
    ending = threading.Lock()
    until = monotonic() + seconds

    def watch() -> None:
        reason = ""
        while not reason:
            reason = _breach(until, seconds, memory)
        if ending.acquire(blocking=False):
            _clean(folder)
            too_much(reason)
            os._exit(0)

    threading.Thread(target=watch, name="supervision", daemon=True).start()
    try:
        yield folder
    finally:
        ending.acquire()  # kept: from here on it is too late for a breach
        _clean(folder)


def _breach(until: float, seconds: float, memory: int) -> str:
    """Waits a little; then the reason to end, or nothing."""
    if select.select([sys.stdin], [], [], _LOOK_EVERY)[0]:
        return "nobody waits for it any more"
    if monotonic() > until:
        return f"it took more than {seconds:g} s"
    if _resident() > memory:
        return f"it took more than {memory >> 20} MiB"
    return ""


def _resident() -> int:
    import psutil

    total = 0
    for each in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            total += each.memory_info().rss
    return total


def _clean(folder: Path) -> None:
    import psutil

    here = psutil.Process()
    for _ in range(_ROUNDS):  # each may leave children of its own, which come to this process
        if not (children := here.children(recursive=True)):
            break
        for each in children:
            with suppress(psutil.Error):
                each.kill()
        psutil.wait_procs(children, timeout=1)
    rmtree(folder, ignore_errors=True)


def _adopt_orphans() -> None:
    """Make processes whose parent ends children of this one, so that none gets away; elsewhere than on Linux not."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_BECOME_SUBREAPER, 1, 0, 0, 0)
