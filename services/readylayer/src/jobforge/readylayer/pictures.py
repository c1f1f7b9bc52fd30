"""Opens an asset and brings it to upright sRGB of the wanted width; imported only in child processes."""

from contextlib import nullcontext

import pyvips

from jobforge.readylayer.animations import each_frame, motion
from jobforge.readylayer.confinement import DRAWING_TIME, drawing_within
from jobforge.readylayer.drawing.cleaning import Cleaned, clean
from jobforge.readylayer.errors import Animated, Empty, TooLarge, Unreadable, UnsupportedType
from jobforge.readylayer.formats import SourceFormat, described, is_animated_png, is_whole_gif, source_format
from jobforge.readylayer.pixels import Asset, Motion, Resized

MAX_FRAMES = 2_000
_LOADERS = {
    "jpeg": "jpegload_buffer",
    "png": "pngload_buffer",
    "webp": "webpload_buffer",
    "avif": "heifload_buffer",
    "gif": "gifload_buffer",
    "tiff": "tiffload_buffer",
}
_MOVING = ("gif", "webp")
_EMBEDDED = ("jpeg", "png", "webp", "gif")
_ANY_HEIGHT = 10_000_000
_SIDEWAYS = range(5, 9)
"""EXIF orientations that swap width and height."""


def inspect(data: bytes, *, max_pixels: int, drawing_time: int = DRAWING_TIME) -> Asset:
    """What the header says, without decoding a pixel; an SVG is cleaned. ``drawing_time`` as for ``resize``.

    Raises ``Empty``, ``UnsupportedType``, ``Animated``, ``TooLarge``, ``Unreadable`` or ``EntitiesDeclared``.
    """
    kind = _kind(data)
    if kind == "svg":
        with drawing_within(drawing_time):
            cleaned = _clean(data, max_pixels)
            image = _drawn(cleaned.svg)
        return Asset(image.width, image.height, kind, drawing=cleaned.svg, removed=cleaned.removed)
    image, moves = _open(data, kind, max_pixels)
    frames = len(moves.delays) if moves else 1
    sideways = image.get_typeof("orientation") != 0 and image.get("orientation") in _SIDEWAYS
    width, height = (image.height, image.width) if sideways else (image.width, image.height // frames)
    return Asset(width, height, kind, frames)


def resize(data: bytes, width: int, *, max_pixels: int, drawing_time: int = DRAWING_TIME) -> Resized:
    """The asset at ``width`` pixels, enlarged only if it is an SVG. Raises as ``inspect`` does, also for its body.

    A drawing that takes more than ``drawing_time`` seconds of a processor ends this process.
    An alpha channel that hides nothing is dropped; the frames of an animation lie one below the other.
    """
    kind = _kind(data)
    if kind == "svg":
        with drawing_within(drawing_time):
            image, moves = _drawn(_clean(data, max_pixels).svg, width=width), None
        _check_pixels(image.width, image.height, max_pixels)
    else:
        image, moves = _open(data, kind, max_pixels)

    def scaled(frame: pyvips.Image) -> pyvips.Image:
        # One call applies orientation, the embedded (or for CMYK a stock) profile, 8 bits and premultiplied scaling.
        size = "both" if kind == "svg" else "down"
        return frame.thumbnail_image(width, height=_ANY_HEIGHT, size=size, export_profile="srgb")

    try:
        with drawing_within(drawing_time) if kind == "svg" else nullcontext():
            image = (each_frame(image, scaled) if moves else scaled(image)).copy_memory()
        if image.hasalpha() and image[image.bands - 1].min() == 255:
            image = image[: image.bands - 1]
    except pyvips.Error as problem:
        raise Unreadable(f"the file cannot be decoded: {_first_line(problem)}") from None
    frames = len(moves.delays) if moves else 1
    return Resized(lossless_png(image), image.width, image.height // frames, moves)


def lossless_png(image: pyvips.Image) -> bytes:
    """The smaller of two lossless PNGs: adaptive row filters suit photographs, none suit flat drawings."""
    candidates = [image.pngsave_buffer(compression=9, filter=kind, keep="none") for kind in ("all", "none")]
    smallest: bytes = min(candidates, key=len)
    return smallest


def _kind(data: bytes) -> SourceFormat:
    if not data:
        raise Empty("the file has no bytes; upload it again")
    kind = source_format(data)
    if kind is None:
        raise UnsupportedType(f"the file is {described(data)}; JPEG, PNG, WebP, AVIF, GIF, TIFF and SVG are taken")
    return kind


def _open(data: bytes, kind: SourceFormat, max_pixels: int) -> tuple[pyvips.Image, Motion | None]:
    if kind == "png" and is_animated_png(data):
        raise Animated("the PNG is animated; animations are taken as GIF or WebP")
    if kind == "gif" and not is_whole_gif(data):
        raise Unreadable("the gif file is cut short or broken; upload it again")
    try:
        # The named loader, never the guessing one: bytes choose among six decoders and no more. It reads the header.
        load = getattr(pyvips.Image, _LOADERS[kind])
        image = load(data, fail_on="error")
        pages = image.get("n-pages") if image.get_typeof("n-pages") else 1
        if pages > 1 and kind in _MOVING:
            _check_frames(pages)
            image = load(data, fail_on="error", n=-1)
    except pyvips.Error as problem:
        raise Unreadable(f"the {kind} file cannot be read: {_first_line(problem)}") from None
    _check_pixels(image.width, image.height, max_pixels)
    if pages > 1 and kind not in _MOVING:
        raise Animated(f"the {kind} holds {pages} pages or pictures; upload the one that is meant")
    return image, motion(image) if kind in _MOVING else None


def _check_frames(frames: int) -> None:
    if frames > MAX_FRAMES:
        raise TooLarge(f"the picture has {frames} frames; at most {MAX_FRAMES} are taken; cut it")


def _check_pixels(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise TooLarge(
            f"the picture has {width} x {height} pixels, all frames counted; at most {max_pixels} are decoded "
            "(JOBFORGE_READYLAYER_MAX_PIXELS)"
        )


def _clean(data: bytes, max_pixels: int) -> Cleaned:
    left = max_pixels

    def is_picture(embedded: bytes) -> bool:
        nonlocal left
        kind = source_format(embedded)
        if kind not in _EMBEDDED:
            return False
        try:
            image, moves = _open(embedded, kind, left)
        except (Animated, TooLarge, Unreadable):
            return False
        left -= image.width * image.height
        return moves is None

    return clean(data, is_picture)


def _drawn(svg: bytes, width: int | None = None) -> pyvips.Image:
    """A cleaned drawing, in its own size or at a width; nothing else may reach this decoder."""
    pyvips.operation_block_set("VipsForeignLoadSvg", False)
    try:
        image = pyvips.Image.svgload_buffer(svg)
        return image if width is None else pyvips.Image.svgload_buffer(svg, scale=width / image.width)
    except pyvips.Error as problem:
        hint = "give it width and height, or a viewBox"
        raise Unreadable(f"the drawing cannot be drawn: {_first_line(problem)}; {hint}") from None
    finally:
        pyvips.operation_block_set("VipsForeignLoadSvg", True)


def _first_line(problem: pyvips.Error) -> str:
    text = str(problem.detail or problem.message).strip()
    return text.splitlines()[0][:200] if text else "no reason given"
