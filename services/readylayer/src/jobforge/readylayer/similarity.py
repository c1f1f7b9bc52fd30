"""How alike two pictures are: scikit-image's SSIM in bounded memory; imported only in child processes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from jobforge.readylayer.animations import lined_up
from jobforge.readylayer.pixels import Motion

WINDOW = 7
"""Side of scikit-image's default window, in pixels."""
_MARGIN = WINDOW // 2
_STRIP = 64
"""Rows compared at a time: what fits the processor's cache takes half as long, and bounds the memory."""
_WHITE = [255.0, 255.0, 255.0]
_BLACK = [0.0, 0.0, 0.0]

Pixels = NDArray[np.uint8]


class Reference:
    """A picture that encoded ones are compared with."""

    def __init__(self, image: pyvips.Image, motion: Motion | None = None) -> None:
        self._motion = motion
        self._alpha = bool(image.hasalpha())
        self._views = self._render(image)

    def ssim(self, data: bytes) -> float:
        """The structural similarity of an encoded picture of the same size, at most 1.

        A picture with alpha is compared on white and on black, and the lower value counts: on white alone a white
        drawing would be as good as nothing. An animation is compared in all its frames.
        """
        if self._motion is None:
            written = pyvips.Image.new_from_buffer(data, "")
        else:
            written = lined_up(pyvips.Image.new_from_buffer(data, "[n=-1]"), self._motion)
        views = self._render(written)
        return min(ssim(mine, theirs) for mine, theirs in zip(self._views, views, strict=True))

    def _render(self, image: pyvips.Image) -> list[Pixels]:
        image = image.colourspace("srgb")
        if not self._alpha:
            image = image.flatten(background=_WHITE) if image.hasalpha() else image
            return [image.numpy()]
        image = (image if image.hasalpha() else image.addalpha()).copy_memory()
        return [image.flatten(background=ground).numpy() for ground in (_WHITE, _BLACK)]


def ssim(a: Pixels, b: Pixels) -> float:
    """``structural_similarity(a, b, channel_axis=2, data_range=255)`` of two (height, width, 3) pictures.

    Computed in strips whose windows overlap, so the mean is the same. A picture narrower or lower than the window
    is first continued by its edge pixels to the window's size.
    """
    a, b = _padded(a), _padded(b)
    first, last = _MARGIN, int(a.shape[0]) - _MARGIN
    total = 0.0
    for top in range(first, last, _STRIP):
        bottom = min(top + _STRIP, last)
        rows = slice(top - _MARGIN, bottom + _MARGIN)
        total += _of_strip(a[rows], b[rows]) * (bottom - top)
    return total / (last - first)


def _of_strip(a: Pixels, b: Pixels) -> float:
    measure: Callable[..., Any] = structural_similarity
    return float(measure(a, b, channel_axis=2, data_range=255))


def _padded(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    missing = ((0, max(0, WINDOW - height)), (0, max(0, WINDOW - width)), (0, 0))
    return np.pad(pixels, missing, mode="edge") if height < WINDOW or width < WINDOW else pixels
