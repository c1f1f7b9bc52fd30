"""Makes one variant: the smallest file that is similar enough; imported only in child processes."""

from collections.abc import Callable
from dataclasses import dataclass

import pyvips

from jobforge.readylayer.animations import moving
from jobforge.readylayer.encoders import Encoder, Write, lossless, lossy, palette, palettes
from jobforge.readylayer.formats import CAPABILITIES, TargetFormat
from jobforge.readylayer.pixels import Motion
from jobforge.readylayer.search import BEST_QUALITY, SLOPE, Trial, preferred, slope_at, smallest
from jobforge.readylayer.similarity import Reference

_FEW_BYTES_PER_PIXEL = 1.0
"""Below it a lossless PNG is so small that the picture is a drawing, and lossless WebP often beats lossy."""
_SAMPLED = 1_000_000
"""Pixels above which a sample is searched first: whole trials of a 1,920 px photograph take seconds each."""
_TILE = 256
_TILES_ACROSS = 3
_GAINED = 3
"""By how much lower a quality usually does where an encoder makes more effort."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to make of a resized picture: a file of one quality, or the smallest that reaches a similarity."""

    format: TargetFormat
    quality: int | None
    target_ssim: float
    motion: Motion | None = None


def make(png: bytes, order: Order) -> Trial:
    """The variant that the order asks for, of the picture in a lossless PNG."""
    image = pyvips.Image.pngload_buffer(png).copy_memory()
    if image.hasalpha() and not CAPABILITIES[order.format].alpha:
        image = image.flatten(background=[255.0, 255.0, 255.0]).copy_memory()
    reference = Reference(image, order.motion)
    if order.quality is not None:
        data = _at_quality(moving(image, order.motion), png, order.format, order.quality)
        return Trial(order.quality, data, reference.ssim(data))
    target = order.target_ssim
    trials = _lossy_trials(image, order, reference)
    if order.format == "png":
        trials += [Trial(None, data, reference.ssim(data)) for data in palettes(image)]
    drawing = len(png) < _FEW_BYTES_PER_PIXEL * image.width * image.height
    missed = not any(trial.reaches(target) for trial in trials)
    if missed or order.format == "png" or (drawing and order.format == "webp"):
        exact = lossless(moving(image, order.motion), order.format, png)
        if exact is not None:
            trials.append(Trial(None, exact, reference.ssim(exact)))
    return preferred(trials, target)


def _at_quality(image: pyvips.Image, png: bytes, target: TargetFormat, quality: int) -> bytes:
    """One quality, as asked. For PNG it is the palette's, and 100 is lossless."""
    if target == "png":
        return png if quality == BEST_QUALITY else min(png, palette(image, quality), key=len)
    encoder = lossy(image, target, pixels=image.width * image.height)[0]
    return (encoder.finish or encoder.write)(quality)


def _lossy_trials(image: pyvips.Image, order: Order, reference: Reference) -> list[Trial]:
    pixels = image.width * image.height
    encoders = lossy(moving(image, order.motion), order.format, pixels=pixels)
    if pixels <= _SAMPLED:
        return [trial for _, trials in _searches(encoders, reference, order) for trial in trials]
    # A sample of a large picture tells which encoder to take, and nearly its quality; then few whole ones are needed.
    sample = _sample(image)
    found = _searches(lossy(sample, order.format, pixels=pixels), Reference(sample), order)
    if not found:
        return []
    best = preferred([trial for _, trials in found for trial in trials], order.target_ssim)
    number = next(number for number, trials in found if best in trials)
    taken = encoders[number]
    return _finished(taken, reference, order, guess=best.quality or taken.guess)


def _searches(encoders: list[Encoder], reference: Reference, order: Order) -> list[tuple[int, list[Trial]]]:
    """The trials of each encoder by its number; a last resort's only if all before it missed."""
    found: list[tuple[int, list[Trial]]] = []
    for number, encoder in enumerate(encoders):
        reached = any(trial.reaches(order.target_ssim) for _, trials in found for trial in trials)
        if not (encoder.last_resort and reached):
            found.append((number, _search(encoder, reference, order)))
    return found


def _search(encoder: Encoder, reference: Reference, order: Order) -> list[Trial]:
    attempt = _attempts(encoder.write, encoder, reference)
    trials = smallest(attempt, target=order.target_ssim, guess=encoder.guess, look_around=encoder.finish is None)
    best = preferred(trials, order.target_ssim)
    if encoder.finish is None or best.quality is None or not best.reaches(order.target_ssim):
        return trials
    slope = slope_at(trials, order.target_ssim)
    return trials + _finished(encoder, reference, order, guess=max(best.quality - _GAINED, 1), slope=slope)


def _finished(encoder: Encoder, reference: Reference, order: Order, *, guess: int, slope: float = SLOPE) -> list[Trial]:
    """A few trials with all effort around a quality that is nearly right."""
    attempt = _attempts(encoder.finish or encoder.write, encoder, reference)
    return smallest(attempt, target=order.target_ssim, guess=guess, slope=slope, look_around=False)


def _attempts(write: Write, encoder: Encoder, reference: Reference) -> Callable[[int], Trial]:
    """Writes and compares at a quality, once for all qualities that give the same file."""
    made: dict[int, Trial] = {}

    def attempt(quality: int) -> Trial:
        level = encoder.level(quality)
        if level not in made:
            data = write(quality)
            made[level] = Trial(quality, data, reference.ssim(data))
        return made[level]

    return attempt


def _sample(image: pyvips.Image) -> pyvips.Image:
    """Nine tiles from all over a large picture, as one picture."""
    width, height = min(_TILE, image.width), min(_TILE, image.height)
    steps = [i / (_TILES_ACROSS - 1) for i in range(_TILES_ACROSS)]
    tiles = [
        image.crop(round(x * (image.width - width)), round(y * (image.height - height)), width, height)
        for y in steps
        for x in steps
    ]
    return pyvips.Image.arrayjoin(tiles, across=_TILES_ACROSS).copy_memory()
