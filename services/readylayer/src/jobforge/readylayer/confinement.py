"""Keeps a child process that opens untrusted pictures within its means."""

import logging
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

from jobforge.readylayer.errors import NotEncodable, TooLarge

DRAWING_TIME = 30
"""Seconds of a processor to draw an SVG once, unless told otherwise."""
MEMORY = 4 * 1024**3
"""Bytes of address space, enough to encode the largest picture the default limits admit."""

_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "VIPS_CONCURRENCY")


@contextmanager
def confined() -> Iterator[None]:
    """``confine``, and what the limits cause ends the job: ``TooLarge`` for memory, ``NotEncodable`` for an encoder."""
    confine()
    import pyvips

    try:
        yield
    except MemoryError:
        raise TooLarge(f"the picture needs more than the {MEMORY} bytes of memory that one job gets") from None
    except pyvips.Error as problem:
        raise NotEncodable(f"the encoder refused the picture: {problem.message}"[:300]) from None


@contextmanager
def drawing_within(seconds: int) -> Iterator[None]:
    """Let the system end this process once it has spent so many more seconds of a processor.

    No handler: the renderer does not come back to Python before it is done, which a few lines put off for hours.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    used = resource.getrusage(resource.RUSAGE_SELF)
    at = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (at if hard == resource.RLIM_INFINITY else min(at, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def confine() -> None:
    """Limit this process: memory, no core dumps, one thread a library, no decoder that libvips calls untrusted.

    Call it before numpy or pyvips is imported; calling it again changes nothing.
    """
    for name in _ONE_THREAD:
        os.environ[name] = "1"
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    import pyvips

    logging.getLogger("pyvips").setLevel(logging.ERROR)
    pyvips.concurrency_set(1)
    pyvips.cache_set_max(0)
    pyvips.block_untrusted_set(True)
