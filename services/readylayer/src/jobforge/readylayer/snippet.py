"""The HTML that shows an asset's variants: each visitor gets the smallest file that fits."""

from collections.abc import Sequence
from html import escape

from jobforge.readylayer.outcome import Variant

_PREFERRED = ("avif", "webp")
"""Formats offered before the one that every browser shows, best first."""
_FALLBACKS = ("jpeg", "png", "webp", "avif")


def picture(variants: Sequence[Variant], alt: str) -> str:
    """A ``picture`` element with a ``srcset`` a format, or an ``img`` for a drawing; needs at least one variant."""
    drawings = [variant for variant in variants if variant.format == "svg"]
    if drawings:
        return f"{_image(drawings[0], alt)}\n"
    by_format = {
        kind: sorted((v for v in variants if v.format == kind), key=lambda v: v.width)
        for kind in {variant.format for variant in variants}
    }
    last = next(kind for kind in _FALLBACKS if kind in by_format)
    sources = [
        f'  <source type="image/{kind}" srcset="{_candidates(by_format[kind])}" sizes="100vw">'
        for kind in _PREFERRED
        if kind in by_format and kind != last
    ]
    fallback = by_format[last]
    image = _image(fallback[-1], alt, f' srcset="{_candidates(fallback)}" sizes="100vw"')
    return "\n".join(["<picture>", *sources, f"  {image}", "</picture>", ""])


def _candidates(variants: Sequence[Variant]) -> str:
    return ", ".join(f"{variant.name} {variant.width}w" for variant in variants)


def _image(variant: Variant, alt: str, more: str = "") -> str:
    shown = f'width="{variant.width}" height="{variant.height}" alt="{escape(alt)}"'
    return f'<img src="{variant.name}"{more} {shown} loading="lazy" decoding="async">'
