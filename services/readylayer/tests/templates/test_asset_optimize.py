"""The job as an app sees it: an asset goes in, files and honest numbers come out."""

import asyncio
from typing import Any

import pytest
import pyvips
from pydantic import ValidationError

from jobforge.execution.errors import JobFailure, ObjectMissing
from jobforge.execution.template import Template
from jobforge.readylayer.errors import Empty, EntitiesDeclared, TooLarge, Unreadable, UnsupportedType
from jobforge.readylayer.templates.asset_optimize import Inputs, run
from jobforge.readylayer.tools import AssetLimits

LIMITS = AssetLimits(max_pixels=1_000_000, max_bytes=200_000)


async def test_every_format_and_width_is_written(work: Any, photograph: bytes) -> None:
    """One artifact each, named by asset, width and format, with the numbers of the file itself."""
    outputs = await work.optimize(photograph, formats=["webp", "avif", "jpeg", "png"], sizes=[128, 64])
    assert outputs.original.model_dump() == {
        "width": 256,
        "height": 171,
        "bytes": len(photograph),
        "format": "png",
        "frames": 1,
    }
    assert [variant.name for variant in outputs.variants] == [
        f"hero-{width}.{kind}" for width in (128, 64) for kind in ("webp", "avif", "jpeg", "png")
    ]
    assert set(work.job.artifacts) == {"hero-srcset.html", *(variant.name for variant in outputs.variants)}
    for variant in outputs.variants:
        data, media_type = work.job.artifacts[variant.name]
        image = pyvips.Image.new_from_buffer(data, "")
        assert (image.width, image.height, len(data)) == (variant.width, variant.height, variant.bytes)
        assert media_type == f"image/{variant.format}"
        assert variant.ssim is not None
        assert variant.ssim >= 0.95
        assert variant.reached_target
        assert variant.saved_vs_original == pytest.approx(1 - len(data) / len(photograph), abs=1e-6)
    assert outputs.skipped == []
    assert outputs.warnings == []


async def test_progress_and_measures_tell_what_was_done(work: Any, photograph: bytes) -> None:
    """Fractions rise to 1; libraries and sizes reach the manifest."""
    await work.optimize(photograph, formats=["webp", "jpeg"], sizes=[64, 32])
    fractions = [fraction for fraction, _ in work.job.reported]
    assert fractions == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert set(work.job.tool_versions) == {"libvips", "pyvips", "scikit-image"}
    assert work.job.metrics["variants"] == 4


async def test_nothing_is_enlarged(work: Any, photograph: bytes) -> None:
    """A width above the original's is noted for each format and skipped; the original's own is made."""
    outputs = await work.optimize(photograph, formats=["webp", "jpeg"], sizes=[256, 257])
    assert [variant.name for variant in outputs.variants] == ["hero-256.webp", "hero-256.jpeg"]
    assert [(skip.format, skip.size) for skip in outputs.skipped] == [("webp", 257), ("jpeg", 257)]
    assert all("256 px wide and is never enlarged" in skip.reason for skip in outputs.skipped)


async def test_a_format_that_cannot_hold_the_height_is_skipped(work: Any) -> None:
    """WebP ends at 16,383 pixels a side; the other formats of that size are made."""
    tall = pyvips.Image.black(8, 16_384).copy(interpretation="b-w").pngsave_buffer()
    outputs = await work.optimize(tall, formats=["webp", "png"], sizes=[8])
    assert [variant.format for variant in outputs.variants] == ["png"]
    assert "16383" in outputs.skipped[0].reason


async def test_a_target_out_of_reach_is_a_warning(work: Any, photograph: bytes) -> None:
    """The best file is kept and the outputs say that it misses."""
    outputs = await work.optimize(photograph, formats=["jpeg"], target_ssim=1.0)
    assert outputs.variants[0].reached_target is False
    assert "hero-64.jpeg has an SSIM of" in outputs.warnings[0]


async def test_a_given_quality_turns_the_search_off(work: Any, photograph: bytes) -> None:
    """No target is reached or missed; the similarity is reported all the same."""
    outputs = await work.optimize(photograph, formats=["webp", "avif"], quality=40)
    assert [(variant.quality, variant.reached_target) for variant in outputs.variants] == [(40, None), (40, None)]
    assert all(0 < (variant.ssim or 0) < 1 for variant in outputs.variants)


@pytest.mark.parametrize(
    ("asset", "limits", "error", "code"),
    [
        (b"%PDF-1.7", LIMITS, UnsupportedType, "asset.unsupported_type"),
        (b"", LIMITS, Empty, "asset.empty"),
        (b"<svg/>", LIMITS, Unreadable, "asset.unreadable"),
        (b"<!DOCTYPE svg [<!ENTITY a 'b'>]><svg>&a;</svg>", LIMITS, EntitiesDeclared, "asset.xml_entities"),
        (b"\xff\xd8\xff\xe0 no picture", LIMITS, Unreadable, "asset.unreadable"),
        (bytes(200_001), LIMITS, TooLarge, "asset.too_large"),
        (pyvips.Image.black(64, 64).pngsave_buffer(), AssetLimits(max_pixels=4095), TooLarge, "asset.too_large"),
    ],
)
async def test_a_refusal_has_its_code(
    work: Any, asset: bytes, limits: AssetLimits, error: type[JobFailure], code: str
) -> None:
    """The child's refusal arrives as it was raised, is final, and leaves no artifact."""
    with pytest.raises(error) as refused:
        await work.optimize(asset, limits)
    assert (refused.value.code, refused.value.retryable) == (code, False)
    assert work.job.artifacts == {}


async def test_the_snippet_offers_every_variant_with_its_width(work: Any, photograph: bytes) -> None:
    """Best format first, the most common last; what was typed as text stays text."""
    alt = 'A "red" <door>'
    outputs = await work.optimize(photograph, formats=["jpeg", "webp", "avif"], sizes=[64, 32], alt=alt)
    html, media_type = work.job.artifacts["hero-srcset.html"]
    assert (outputs.srcset, media_type) == ("hero-srcset.html", "text/html; charset=utf-8")
    assert html.decode().splitlines() == [
        "<picture>",
        '  <source type="image/avif" srcset="hero-32.avif 32w, hero-64.avif 64w" sizes="100vw">',
        '  <source type="image/webp" srcset="hero-32.webp 32w, hero-64.webp 64w" sizes="100vw">',
        '  <img src="hero-64.jpeg" srcset="hero-32.jpeg 32w, hero-64.jpeg 64w" sizes="100vw" width="64" height="43"'
        ' alt="A &quot;red&quot; &lt;door&gt;" loading="lazy" decoding="async">',
        "</picture>",
    ]


async def test_without_a_variant_there_is_no_snippet(work: Any, photograph: bytes) -> None:
    """Nothing to show."""
    outputs = await work.optimize(photograph, sizes=[9000])
    assert (outputs.srcset, work.job.artifacts) == (None, {})


async def test_a_body_cut_short_is_unreadable(work: Any, photograph: bytes) -> None:
    """Its header is fine, its pixels are not all there."""
    with pytest.raises(Unreadable):
        await work.optimize(photograph[:30_000])


async def test_a_missing_asset_is_named_by_the_plane(work: Any) -> None:
    """An id that nobody uploaded."""
    request = Inputs(asset_id="nowhere", formats=("webp",), sizes=(64,))
    with pytest.raises(ObjectMissing):
        await run(request, work.job, limits=LIMITS)


async def test_the_event_loop_is_free_while_pixels_are_worked_on(work: Any, photograph: bytes) -> None:
    """Other work goes on: the loop turns many times while one variant is made."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.001)

    counting = asyncio.create_task(count())
    await work.optimize(photograph, formats=["avif"], sizes=[256])
    counting.cancel()
    assert turns > 20


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"formats": []}, "formats"),
        ({"formats": ["webp", "webp"]}, "formats"),
        ({"formats": ["gif"]}, "formats"),
        ({"sizes": []}, "sizes"),
        ({"sizes": [64, 64]}, "sizes"),
        ({"sizes": [0]}, "sizes"),
        ({"sizes": [16385]}, "sizes"),
        ({"quality": 0}, "quality"),
        ({"quality": 101}, "quality"),
        ({"target_ssim": 0}, "target_ssim"),
        ({"target_ssim": 1.01}, "target_ssim"),
        ({"asset_id": "../etc"}, "asset_id"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_inputs_name_their_field(wrong: dict[str, Any], field: str) -> None:
    """Before anything is read."""
    with pytest.raises(ValidationError) as refused:
        Inputs.model_validate({"asset_id": "hero", "formats": ["webp"], "sizes": [64], **wrong})
    assert refused.value.errors()[0]["loc"][0] == field


def test_a_quality_and_a_target_together_are_refused_with_the_reason() -> None:
    """One of them would be ignored."""
    both = {"asset_id": "hero", "formats": ["webp"], "sizes": [64], "quality": 80, "target_ssim": 0.9}
    with pytest.raises(ValidationError, match="either quality or target_ssim"):
        Inputs.model_validate(both)
    Inputs.model_validate({**both, "target_ssim": None})


def test_the_descriptor_says_what_the_door_must_refuse() -> None:
    """Uniqueness and the choice of quality or target stand in the schema, so the door refuses them too."""
    declared: Template = run.__jobforge_template__  # type: ignore[attr-defined]  # put there by the decorator
    schema = declared.descriptor()["input_schema"]
    assert schema["properties"]["formats"]["uniqueItems"] is schema["properties"]["sizes"]["uniqueItems"] is True
    assert schema["not"]["required"] == ["quality", "target_ssim"]
    assert (declared.key, declared.effects) == ("readylayer.asset.optimize", "pure")
