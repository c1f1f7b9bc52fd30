"""Makes a download or build once a machine: complete or absent, and never by two at once."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from jobforge.native.places import cache_home


def cached(thing: str, version: str) -> Path | None:
    """The folder of a thing that is already made, or None."""
    made = cache_home() / f"{thing}-{version}"
    return made if made.is_dir() else None


def make_once(thing: str, version: str, make: Callable[[Path], None]) -> Path:
    """The folder ``<thing>-<version>`` of the cache; ``make(folder)`` fills it unless it is there.

    It is filled under another name and renamed when ``make`` returns, so that a broken download leaves nothing behind.
    Whoever comes second waits for the first.
    """
    home = cache_home()
    home.mkdir(parents=True, exist_ok=True)
    made = home / f"{thing}-{version}"
    if made.is_dir():
        return made
    with _locked(home / f".{thing}-{version}.lock"):
        if made.is_dir():
            return made
        for abandoned in home.glob(f".{thing}-{version}.*/"):
            shutil.rmtree(abandoned, ignore_errors=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{thing}-{version}.", dir=home))
        try:
            make(unfinished)
            unfinished.chmod(0o755)
            unfinished.rename(made)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
    return made


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
