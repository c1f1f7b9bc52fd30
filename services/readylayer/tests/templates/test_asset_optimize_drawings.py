"""Drawings and animations as an app sees them: they go in, and clean or moving pictures come out."""

from io import BytesIO
from typing import Any

import pytest
import pyvips
from PIL import Image

from jobforge.readylayer.errors import Animated, TooLarge
from jobforge.readylayer.tools import AssetLimits

DRAWING = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 5"><script>1</script>'
    b'<rect width="5" height="5" fill="red"/></svg>'
)


def gif() -> bytes:
    """Three frames of 64 x 48 pixels, as another program writes them."""
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "lime", "blue")]
    file = BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=[40, 200, 70], loop=0)
    return file.getvalue()


PATTERNS = "".join(
    f'<pattern id="p{n}" width="9" height="9">' + f'<rect class="a{n - 1}" width="9" height="9"/>' * 10 + "</pattern>"
    for n in range(1, 10)
)
STYLES = "".join(f".a{n}{{fill:url(#p{n})}}" for n in range(1, 10))
DOT = '<path d="M0 0h1"/>'
DOTS = f'<marker id="m">{DOT * 1000}</marker><path marker-mid="url(#m)" d="M0 0{"h1v1" * 20_000}"/>'


@pytest.mark.parametrize("inside", [f"<style>{STYLES}</style>{PATTERNS}<rect class='a9' width='9' height='9'/>", DOTS])
async def test_a_drawing_that_never_ends_drawing_ends_the_job_by_name_and_is_not_handed_out(
    work: Any, inside: str
) -> None:
    """Styles and markers repeat what no count of elements shows; the child's time tells."""
    limits = AssetLimits(drawing_time=1)
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{inside}</svg>'
    with pytest.raises(TooLarge, match="JOBFORGE_READYLAYER_DRAWING_TIME"):
        await work.optimize(svg.encode(), limits)
    assert work.job.artifacts == {}


async def test_an_animation_becomes_webp_and_other_formats_say_why_not(work: Any) -> None:
    """All its frames are in it; a still of one of them would be a guess."""
    outputs = await work.optimize(gif(), formats=["webp", "avif"], sizes=[32])
    assert (outputs.original.frames, outputs.original.height) == (3, 48)
    (variant,) = outputs.variants
    written = pyvips.Image.new_from_buffer(work.job.artifacts["hero-32.webp"][0], "[n=-1]")
    assert (variant.format, variant.width, variant.height) == ("webp", 32, 24)
    assert (written.get("n-pages"), written.get("page-height"), written.get("delay")) == (3, 24, [40, 200, 70])
    assert "3 frames, which only webp keeps" in outputs.skipped[0].reason


async def test_an_animation_that_nothing_can_keep_is_refused(work: Any) -> None:
    """The message says which format to add; nothing is written."""
    with pytest.raises(Animated, match=r"formats: .* add webp") as refused:
        await work.optimize(gif(), formats=["avif", "jpeg"], sizes=[32])
    assert (refused.value.code, work.job.artifacts) == ("asset.animated", {})


async def test_a_drawing_is_written_clean_and_in_pixels_of_any_width(work: Any) -> None:
    """As SVG without its script, and wider than it says it is; what went is told."""
    outputs = await work.optimize(DRAWING, formats=["webp", "png"], sizes=[40, 320])
    assert [variant.name for variant in outputs.variants] == [
        "hero.svg",
        *(f"hero-{width}.{kind}" for width in (40, 320) for kind in ("webp", "png")),
    ]
    svg, media_type = work.job.artifacts["hero.svg"]
    assert (b"script" in svg, media_type) == (False, "image/svg+xml")
    assert outputs.warnings == ["taken out of the drawing: script x1"]
    wide = pyvips.Image.new_from_buffer(work.job.artifacts["hero-320.png"][0], "")
    assert (wide.width, wide.height, wide(80, 80)[:3], wide(300, 80)[3]) == (320, 160, [255, 0, 0], 0)
    assert "reached_target" in outputs.variants[0].model_dump()


async def test_a_drawing_too_large_in_pixels_is_skipped(work: Any) -> None:
    """The limit that pictures have when they are opened holds for what is drawn."""
    outputs = await work.optimize(DRAWING, sizes=[16_000])
    assert "JOBFORGE_READYLAYER_MAX_PIXELS" in outputs.skipped[0].reason
    assert [variant.name for variant in outputs.variants] == ["hero.svg"]
