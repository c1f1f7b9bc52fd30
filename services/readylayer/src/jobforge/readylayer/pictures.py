"""Opens an asset and brings it to upright sRGB of the wanted width; imported only in child processes."""

import pyvips

from jobforge.readylayer.errors import Animated, TooLarge, Unreadable, UnsupportedType
from jobforge.readylayer.formats import SourceFormat, described, is_animated_png, source_format
from jobforge.readylayer.pixels import Asset, Resized

_LOADERS = {
    "jpeg": "jpegload_buffer",
    "png": "pngload_buffer",
    "webp": "webpload_buffer",
    "avif": "heifload_buffer",
    "gif": "gifload_buffer",
    "tiff": "tiffload_buffer",
}
_ANY_HEIGHT = 10_000_000
_SIDEWAYS = range(5, 9)
"""EXIF orientations that swap width and height."""


def inspect(data: bytes, *, max_pixels: int) -> Asset:
    """What the header says, without decoding a pixel.

    Raises ``UnsupportedType``, ``Animated``, ``TooLarge`` or ``Unreadable``.
    """
    image, kind = _open(data, max_pixels)
    sideways = image.get_typeof("orientation") != 0 and image.get("orientation") in _SIDEWAYS
    width, height = (image.height, image.width) if sideways else (image.width, image.height)
    return Asset(width, height, kind)


def resize(data: bytes, width: int, *, max_pixels: int) -> Resized:
    """The asset at ``width`` pixels, never enlarged. Raises as ``inspect`` does, and ``Unreadable`` for a broken body.

    An alpha channel that hides nothing is dropped.
    """
    image, _ = _open(data, max_pixels)
    try:
        # One call applies orientation, the embedded (or for CMYK a stock) profile, 8 bits and premultiplied scaling.
        image = image.thumbnail_image(width, height=_ANY_HEIGHT, size="down", export_profile="srgb")
        image = image.copy_memory()
        if image.hasalpha() and image[image.bands - 1].min() == 255:
            image = image[: image.bands - 1]
    except pyvips.Error as problem:
        raise Unreadable(f"the file cannot be decoded: {_first_line(problem)}") from None
    return Resized(lossless_png(image), image.width, image.height)


def lossless_png(image: pyvips.Image) -> bytes:
    """The smaller of two lossless PNGs: adaptive row filters suit photographs, none suit flat drawings."""
    candidates = [image.pngsave_buffer(compression=9, filter=kind, keep="none") for kind in ("all", "none")]
    smallest: bytes = min(candidates, key=len)
    return smallest


def _open(data: bytes, max_pixels: int) -> tuple[pyvips.Image, SourceFormat]:
    kind = source_format(data)
    if kind is None:
        raise UnsupportedType(f"the file is {described(data)}; JPEG, PNG, WebP, AVIF, GIF and TIFF are taken")
    if kind == "png" and is_animated_png(data):
        raise Animated("the PNG is animated; only single pictures are optimised")
    try:
        # The named loader, never the guessing one: bytes choose among six decoders and no more. It reads the header.
        image = getattr(pyvips.Image, _LOADERS[kind])(data, fail_on="error")
    except pyvips.Error as problem:
        raise Unreadable(f"the {kind} file cannot be read: {_first_line(problem)}") from None
    if image.width * image.height > max_pixels:
        raise TooLarge(
            f"the picture has {image.width} x {image.height} pixels; at most {max_pixels} are decoded "
            "(JOBFORGE_READYLAYER_MAX_PIXELS)"
        )
    pages = image.get("n-pages") if image.get_typeof("n-pages") else 1
    if pages > 1:
        raise Animated(f"the {kind} holds {pages} frames or pages; only single pictures are optimised")
    return image, kind


def _first_line(problem: pyvips.Error) -> str:
    text = str(problem.detail or problem.message).strip()
    return text.splitlines()[0][:200] if text else "no reason given"
