"""Frames that lie one below the other in a picture: taken apart, put together, and lined up in time.

Imported only in child processes.
"""

from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate

import pyvips

from jobforge.readylayer.pixels import Motion

_DELAY = 100
"""Milliseconds for a frame that does not say; what browsers take."""


def motion(image: pyvips.Image) -> Motion | None:
    """How the frames of a loaded picture follow each other; None for a single one."""
    frames = frame_count(image)
    if frames == 1:
        return None
    said = list(image.get("delay")) if image.get_typeof("delay") else []
    delays = [said[n] if n < len(said) and said[n] > 0 else _DELAY for n in range(frames)]
    return Motion(tuple(delays), int(image.get("loop")) if image.get_typeof("loop") else 0)


def frame_count(image: pyvips.Image) -> int:
    """How many frames lie in a loaded picture."""
    return int(image.height // image.get("page-height")) if image.get_typeof("page-height") else 1


def each_frame(image: pyvips.Image, change: Callable[[pyvips.Image], pyvips.Image]) -> pyvips.Image:
    """Every frame changed by itself, so that none bleeds into the next."""
    return _joined([change(frame) for frame in image.copy_memory().pagesplit()])


def moving(image: pyvips.Image, how: Motion | None) -> pyvips.Image:
    """The picture as encoders take it for an animation; as it is without motion."""
    if how is None:
        return image
    image = image.copy()
    image.set_type(pyvips.GValue.gint_type, "page-height", image.height // len(how.delays))
    image.set_type(pyvips.GValue.array_int_type, "delay", list(how.delays))
    image.set_type(pyvips.GValue.gint_type, "loop", how.loop)
    return image


def lined_up(written: pyvips.Image, how: Motion) -> pyvips.Image:
    """A written animation with a frame for each of the original's: encoders leave out frames that change nothing."""
    theirs = motion(written)
    frames = written.copy_memory().pagesplit() if theirs else [written]
    if len(frames) == len(how.delays):
        return written
    starts = [0, *accumulate(theirs.delays if theirs else ())][: len(frames)]
    shown = [0, *accumulate(how.delays)][: len(how.delays)]
    return _joined([frames[bisect_right(starts, at) - 1] for at in shown])


def _joined(frames: list[pyvips.Image]) -> pyvips.Image:
    return pyvips.Image.arrayjoin(frames, across=1).copy_memory()
