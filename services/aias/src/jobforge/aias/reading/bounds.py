"""How much a document may cost: limits on its size, and on the child process that reads it."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from jobforge.aias.errors import DocumentTooCostly

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one document may have and take; sizes in bytes, ``processor_time`` in whole seconds."""

    file_size: int = 32 * MIB
    pages: int = 2_000
    characters: int = 4_000_000
    unpacked_size: int = 128 * MIB
    memory: int = 768 * MIB
    processor_time: int = 45


@contextmanager
def bounded(bounds: Bounds) -> Iterator[None]:
    """Hold this process to the memory and processor time of ``bounds``, above what it already uses.

    Raises ``DocumentTooCostly`` when either is spent. Only for a child process, in its main thread.
    """
    memory, processor = resource.getrlimit(resource.RLIMIT_AS), resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_AS, _soft(_address_space() + bounds.memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, _soft(_processor_time() + bounds.processor_time, processor))
    before = signal.signal(signal.SIGXCPU, _spent)
    try:
        yield
    except (MemoryError, RecursionError) as error:
        raise DocumentTooCostly("Reading the document took more memory than it may take.") from error
    finally:
        signal.signal(signal.SIGXCPU, before)
        resource.setrlimit(resource.RLIMIT_AS, memory)
        resource.setrlimit(resource.RLIMIT_CPU, processor)


def _spent(_signal: int, _frame: FrameType | None) -> None:
    raise DocumentTooCostly("Reading the document took more processor time than it may take.")


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
        return 512 * MIB
    return int(statm.read_text().split()[0]) * resource.getpagesize()
