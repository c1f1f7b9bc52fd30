"""Keeps work on untrusted input within its means: memory and processor time of the child process that does it."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from jobforge.execution.errors import Terminal

_GUESS = 512 * 1024 * 1024


@contextmanager
def within_means(doing: str, *, memory: int, processor_time: int, too_costly: type[Terminal]) -> Iterator[None]:
    """Hold this process to so many bytes of memory and whole seconds, above what it already uses.

    Raises ``too_costly``, which says what the process was ``doing``, when either is spent. Only for a child process,
    in its main thread.
    """

    def spent(_signal: int, _frame: FrameType | None) -> None:
        raise too_costly(f"{doing} took more processor time than it may take.")

    space, processor = resource.getrlimit(resource.RLIMIT_AS), resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_AS, _soft(_address_space() + memory, space))
    resource.setrlimit(resource.RLIMIT_CPU, _soft(_processor_time() + processor_time, processor))
    before = signal.signal(signal.SIGXCPU, spent)
    try:
        yield
    except (MemoryError, RecursionError) as error:
        raise too_costly(f"{doing} took more memory than it may take.") from error
    finally:
        signal.signal(signal.SIGXCPU, before)
        resource.setrlimit(resource.RLIMIT_AS, space)
        resource.setrlimit(resource.RLIMIT_CPU, processor)


def _soft(wanted: int, current: tuple[int, int]) -> tuple[int, int]:
    soft, hard = current
    ceilings = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    return min([wanted, *ceilings]), hard


def _processor_time() -> int:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return int(usage.ru_utime + usage.ru_stime) + 1


def _address_space() -> int:
    """Bytes of address space in use; a guess where the system has no /proc."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return _GUESS
    return int(statm.read_text().split()[0]) * resource.getpagesize()
