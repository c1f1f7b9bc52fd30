"""Makes a picture's variants for delivery: each the smallest file that is similar enough to the original."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

from jobforge.contracts.base import ObjectId, StrictInput
from jobforge.execution.errors import ChildDied
from jobforge.execution.job import Job
from jobforge.execution.template import template
from jobforge.readylayer.errors import TooLarge
from jobforge.readylayer.formats import CAPABILITIES, TargetFormat, source_format
from jobforge.readylayer.outcome import Original, Skipped, Variant, missed, saved
from jobforge.readylayer.pixels import Asset, Resized
from jobforge.readylayer.planning import possible
from jobforge.readylayer.snippet import picture
from jobforge.readylayer.steps import encode_variant, inspect_asset, library_versions, resize_asset
from jobforge.readylayer.tools import AssetLimits

DEFAULT_TARGET_SSIM = 0.95
MAX_SIZES = 32
_DRAWN_FIRST = 256
R = TypeVar("R")

Width = Annotated[int, Field(ge=1, le=16384, description="Target width in pixels.")]
_EITHER = "give either quality or target_ssim: a fixed quality leaves nothing to search for"
_NOT_BOTH: dict[str, JsonValue] = {
    "not": {
        "description": _EITHER,
        "required": ["quality", "target_ssim"],
        "properties": {"quality": {"type": "integer"}, "target_ssim": {"type": "number"}},
    }
}


class Inputs(StrictInput):
    """Which asset to write, in which formats and widths."""

    model_config = ConfigDict(json_schema_extra=_NOT_BOTH)

    asset_id: ObjectId = Field(description="An uploaded object of the kind `asset`.")
    formats: tuple[TargetFormat, ...] = Field(min_length=1, json_schema_extra={"uniqueItems": True})
    sizes: tuple[Width, ...] = Field(min_length=1, max_length=MAX_SIZES, json_schema_extra={"uniqueItems": True})
    quality: int | None = Field(default=None, ge=1, le=100, description="The encoders' setting; turns the search off.")
    target_ssim: float | None = Field(
        default=None, gt=0, le=1, description=f"The similarity to reach with the fewest bytes ({DEFAULT_TARGET_SSIM})."
    )

    alt: str = Field(default="", max_length=500, description="What the picture shows, for the snippet.")

    @field_validator("formats", "sizes")
    @classmethod
    def _unique(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(set(values)) < len(values):
            raise ValueError("each may be named once")
        return values

    @model_validator(mode="after")
    def _quality_or_target(self) -> Self:
        if self.quality is not None and self.target_ssim is not None:
            raise ValueError(_EITHER)
        return self


class Outputs(BaseModel):
    """What was made of the asset, and what was not."""

    original: Original
    variants: list[Variant]
    skipped: list[Skipped]
    srcset: str | None = Field(description="The artifact with the HTML that shows the variants; null without any.")
    warnings: list[str]


@template("readylayer.asset.optimize", scopes={"readylayer:read"}, timeout=timedelta(minutes=5))
async def run(inputs: Inputs, job: Job, *, limits: AssetLimits) -> Outputs:
    """Write a picture in several formats and widths, as small as an equal look allows."""
    stored = await job.read_object("asset", inputs.asset_id)
    if stored.size > limits.max_bytes:
        raise TooLarge(
            f"the file has {stored.size} bytes; at most {limits.max_bytes} are opened (JOBFORGE_READYLAYER_MAX_BYTES)"
        )
    asset = await _opened(job, limits, inspect_asset, stored.data)
    planned = [possible(inputs.formats, size, asset, limits.max_pixels) for size in inputs.sizes]
    for name, version in (await job.in_process(library_versions)).items():
        job.used_tool(name, version)
    variants = [await _drawing(inputs, job, asset, asset.drawing, stored.size, limits)] if asset.drawing else []
    skipped = [skip for _, refused in planned for skip in refused]
    steps = len(inputs.sizes) * len(inputs.formats)
    made = 0

    async def make(resized: Resized, target: TargetFormat) -> Variant:
        nonlocal made
        variant = await _variant(inputs, job, resized, target, stored.size)
        made += 1
        await job.progress((made + len(skipped)) / steps, variant.name)
        return variant

    await job.progress(len(skipped) / steps, f"{steps - len(skipped)} variants to make")
    for size, (wanted, _) in zip(inputs.sizes, planned, strict=True):
        if not wanted:
            continue
        resized = await _opened(job, limits, resize_asset, asset.drawing or stored.data, size)
        async with asyncio.TaskGroup() as side_by_side:
            tasks = [side_by_side.create_task(make(resized, target)) for target in wanted]
        variants += [task.result() for task in tasks]
    _measure(job, variants)
    return Outputs(
        original=Original(
            width=asset.width, height=asset.height, bytes=stored.size, format=asset.format, frames=asset.frames
        ),
        variants=variants,
        skipped=skipped,
        srcset=await _snippet(inputs, job, variants),
        warnings=[
            *(f"taken out of the drawing: {what}" for what in asset.removed),
            *missed(variants, inputs.target_ssim or DEFAULT_TARGET_SSIM),
        ],
    )


async def _opened(job: Job, limits: AssetLimits, step: Callable[..., R], data: bytes, *given: int) -> R:
    """A step in a child process, which a drawing that costs too much ends."""
    try:
        return await job.in_process(step, data, *given, limits.max_pixels, limits.drawing_time)
    except ChildDied:
        if source_format(data) != "svg":
            raise
        raise TooLarge(
            f"the drawing takes more than {limits.drawing_time} s of a processor (JOBFORGE_READYLAYER_DRAWING_TIME) "
            "or too much memory; simplify its filters, patterns, markers and copies"
        ) from None


async def _drawing(
    inputs: Inputs, job: Job, asset: Asset, svg: bytes, original_bytes: int, limits: AssetLimits
) -> Variant:
    name = f"{inputs.asset_id}.svg"
    await _opened(job, limits, resize_asset, svg, _DRAWN_FIRST)  # what nobody can draw is not handed out
    await job.write_artifact(name, svg, "image/svg+xml")
    ratio = saved(len(svg), original_bytes)
    return Variant(
        name=name,
        format="svg",
        width=asset.width,
        height=asset.height,
        bytes=len(svg),
        saved_ratio=ratio,
        saved_vs_original=ratio,
        ssim=None,
        quality=None,
        reached_target=None,
    )


async def _variant(inputs: Inputs, job: Job, resized: Resized, target: TargetFormat, original_bytes: int) -> Variant:
    wanted = inputs.target_ssim or DEFAULT_TARGET_SSIM
    made = await job.in_process(encode_variant, resized.png, target, inputs.quality, wanted, resized.motion)
    name = f"{inputs.asset_id}-{resized.width}.{target}"
    await job.write_artifact(name, made.data, CAPABILITIES[target].media_type)
    return Variant(
        name=name,
        format=target,
        width=resized.width,
        height=resized.height,
        bytes=len(made.data),
        saved_ratio=saved(len(made.data), len(resized.png)),
        saved_vs_original=saved(len(made.data), original_bytes),
        ssim=round(made.ssim, 6),
        quality=made.quality,
        reached_target=made.ssim >= wanted if inputs.quality is None else None,
    )


async def _snippet(inputs: Inputs, job: Job, variants: list[Variant]) -> str | None:
    if not variants:
        return None
    name = f"{inputs.asset_id}-srcset.html"
    await job.write_artifact(name, picture(variants, inputs.alt), "text/html; charset=utf-8")
    return name


def _measure(job: Job, variants: list[Variant]) -> None:
    job.measure("variants", len(variants))
    job.measure("bytes_written", sum(variant.bytes for variant in variants))
    similarities = [variant.ssim for variant in variants if variant.ssim is not None]
    if similarities:
        job.measure("lowest_ssim", min(similarities))
