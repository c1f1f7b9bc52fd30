"""How each format is written, and where its search begins; imported only in child processes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import pyvips

from jobforge.readylayer.formats import TargetFormat

Write = Callable[[int], bytes]
"""Encodes at a quality from 1 to 100."""

MEDIUM = 1_500_000
LARGE = 4_000_000
"""Pixels above which encoders work with less and least effort, so that a camera's photograph fits the time-out."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """One lossy way to write a format; ``guess`` is the quality that usually gives an SSIM of 0.95."""

    write: Write
    guess: int
    last_resort: bool = False
    """Tried only when the others miss the target."""
    finish: Write | None = None
    """The same with more effort, tried around the quality that ``write`` led to."""
    level: Callable[[int], int] = int
    """Qualities of one level give the same file."""


def lossy(image: pyvips.Image, target: TargetFormat, *, pixels: int) -> list[Encoder]:
    """The lossy encoders worth trying for a format; none for PNG, whose only loss is a palette.

    ``pixels`` is the size of the whole picture, of which ``image`` may be a sample: it decides the encoders' effort.
    The settings are those that gave the smallest files at equal SSIM on photographs: AVIF tuned for SSIM, without
    chroma subsampling, searched at effort 3 and finished in few trials at 4 (some percent smaller, in five times the
    time; 5 would gain as much again in eight times); WebP at its highest effort;
    JPEG with trellis quantisation, halved chroma and either ImageMagick's table or the flat one, which share the win,
    and whole chroma for what neither can show, such as coloured noise. The first is the one for a given quality.
    """
    if target == "avif":
        save = partial(
            image.heifsave_buffer, compression="av1", tune="ssim", subsample_mode="off", bitdepth=8, keep="none"
        )
        search = _encoder(partial(save, effort=1 if pixels > LARGE else 2 if pixels > MEDIUM else 3), 54)
        search = replace(search, level=_av1_level)
        return [search if pixels > MEDIUM else replace(search, finish=_encoder(partial(save, effort=4)).write)]
    if target == "webp":
        save = partial(image.webpsave_buffer, effort=4 if pixels > LARGE else 6, min_size=True, keep="none")
        return [_encoder(save, 77)]
    if target == "jpeg":
        halved, whole = partial(_jpeg, image, subsample_mode="on"), partial(_jpeg, image, subsample_mode="off")
        return [
            _encoder(halved(quant_table=3), 80),
            _encoder(halved(quant_table=1), 66),
            _encoder(whole(quant_table=1), 80, last_resort=True),
        ]
    return []


def lossless(image: pyvips.Image, target: TargetFormat, png: bytes) -> bytes | None:
    """The image without any loss, where the format can; ``png`` is its lossless PNG."""
    if target == "png":
        return png
    if target == "webp":
        data: bytes = image.webpsave_buffer(lossless=True, effort=6, min_size=True, keep="none")
        return data
    if target == "avif":
        data = image.heifsave_buffer(compression="av1", lossless=True, effort=3, keep="none")
        return data
    return None


def palettes(image: pyvips.Image) -> list[bytes]:
    """PNGs with palettes of 4, 16 and 256 colours, with and without dither (above ``MEDIUM`` pixels only 256)."""
    depths = (8,) if image.width * image.height > MEDIUM else (2, 4, 8)
    return [_palette(image, bitdepth=depth, dither=dither) for depth in depths for dither in (0.0, 1.0)]


def palette(image: pyvips.Image, quality: int) -> bytes:
    """A PNG with as many of 256 colours as the quantiser needs for a quality from 1 to 100."""
    return _palette(image, bitdepth=8, dither=1.0, Q=quality)


def _palette(image: pyvips.Image, **settings: float) -> bytes:
    data: bytes = image.pngsave_buffer(palette=True, compression=9, effort=7, keep="none", **settings)
    return data


def _jpeg(image: pyvips.Image, *, subsample_mode: str, quant_table: int) -> Callable[..., bytes]:
    save: Callable[..., bytes] = partial(
        image.jpegsave_buffer,
        optimize_coding=True,
        interlace=True,
        trellis_quant=True,
        overshoot_deringing=True,
        optimize_scans=True,
        quant_table=quant_table,
        subsample_mode=subsample_mode,
        keep="none",
    )
    return save


def _av1_level(quality: int) -> int:
    """Which of AV1's 64 quantisers libheif takes for a quality."""
    return ((100 - quality) * 63 + 50) // 100


def _encoder(save: Callable[..., bytes], guess: int = 0, *, last_resort: bool = False) -> Encoder:
    return Encoder(lambda quality: save(Q=quality), guess, last_resort)
