"""What the steps of an optimisation hand to each other."""

from dataclasses import dataclass

from jobforge.readylayer.formats import SourceFormat


@dataclass(frozen=True, slots=True)
class Motion:
    """How frames follow each other; they lie one below the other in a picture."""

    delays: tuple[int, ...]
    """Milliseconds that each frame is shown."""
    loop: int
    """How often it is played; 0 is for ever."""


@dataclass(frozen=True, slots=True)
class Asset:
    """What an asset's header says; width and height in pixels as the picture is shown (EXIF orientation applied)."""

    width: int
    height: int
    format: SourceFormat
    frames: int = 1
    drawing: bytes | None = None
    """An SVG, safe and small."""
    removed: tuple[str, ...] = ()
    """What was taken out of it."""


@dataclass(frozen=True, slots=True)
class Resized:
    """A picture at its target size, as a lossless PNG: upright, 8-bit sRGB, without metadata."""

    png: bytes
    width: int
    height: int
    motion: Motion | None = None


@dataclass(frozen=True, slots=True)
class Encoded:
    """A finished variant; ``quality`` is None for a lossless or palette file, ``ssim`` at most 1."""

    data: bytes
    quality: int | None
    ssim: float
