"""Makes a picture's variants for delivery: each the smallest file that is similar enough to the original."""

import asyncio
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

from jobforge.contracts.base import ObjectId, StrictInput
from jobforge.execution.job import Job
from jobforge.execution.template import template
from jobforge.readylayer.errors import TooLarge
from jobforge.readylayer.formats import CAPABILITIES, SourceFormat, TargetFormat
from jobforge.readylayer.pixels import Asset, Resized
from jobforge.readylayer.steps import encode_variant, inspect_asset, library_versions, resize_asset
from jobforge.readylayer.tools import AssetLimits

DEFAULT_TARGET_SSIM = 0.95
MAX_SIZES = 32

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


class Original(BaseModel):
    """The uploaded picture; width and height as it is shown, with its EXIF orientation applied."""

    width: int
    height: int
    bytes: int
    format: SourceFormat


class Variant(BaseModel):
    """A written file; ratios are 1 - its bytes / the other's bytes, so 0.9 is a tenth and below 0 is larger."""

    name: str
    format: TargetFormat
    width: int
    height: int
    bytes: int
    saved_ratio: float = Field(description="Against a lossless PNG of the same pixels.")
    saved_vs_original: float = Field(description="Against the uploaded file.")
    ssim: float = Field(description="Against the resized original; with alpha the lower of on white and on black.")
    quality: int | None = Field(description="The encoder's quality; null for a lossless or palette file.")
    reached_target: bool | None = Field(description="Whether ssim is at least the target; null for a given quality.")


class Skipped(BaseModel):
    """A variant that was not made, and why."""

    format: TargetFormat
    size: int
    reason: str


class Outputs(BaseModel):
    """What was made of the asset, and what was not."""

    original: Original
    variants: list[Variant]
    skipped: list[Skipped]
    warnings: list[str]


@template("readylayer.asset.optimize", scopes={"readylayer:read"}, timeout=timedelta(seconds=120))
async def run(inputs: Inputs, job: Job, *, limits: AssetLimits) -> Outputs:
    """Write a picture in several formats and widths, as small as an equal look allows."""
    stored = await job.read_object("asset", inputs.asset_id)
    if stored.size > limits.max_bytes:
        raise TooLarge(
            f"the file has {stored.size} bytes; at most {limits.max_bytes} are opened (JOBFORGE_READYLAYER_MAX_BYTES)"
        )
    asset = await job.in_process(inspect_asset, stored.data, limits.max_pixels)
    for name, version in (await job.in_process(library_versions)).items():
        job.used_tool(name, version)
    variants: list[Variant] = []
    skipped: list[Skipped] = []
    steps = len(inputs.sizes) * len(inputs.formats)
    made = 0

    async def make(resized: Resized, target: TargetFormat) -> Variant:
        nonlocal made
        variant = await _variant(inputs, job, resized, target, stored.size)
        made += 1
        await job.progress((made + len(skipped)) / steps, variant.name)
        return variant

    await job.progress(0.0, f"{steps} variants to make")
    for size in inputs.sizes:
        wanted, refused = _possible(inputs.formats, size, asset)
        skipped += refused
        if not wanted:
            continue
        resized = await job.in_process(resize_asset, stored.data, size, limits.max_pixels)
        async with asyncio.TaskGroup() as side_by_side:
            tasks = [side_by_side.create_task(make(resized, target)) for target in wanted]
        variants += [task.result() for task in tasks]
    _measure(job, variants)
    return Outputs(
        original=Original(width=asset.width, height=asset.height, bytes=stored.size, format=asset.format),
        variants=variants,
        skipped=skipped,
        warnings=_warnings(inputs, variants),
    )


def _possible(formats: tuple[TargetFormat, ...], size: int, asset: Asset) -> tuple[list[TargetFormat], list[Skipped]]:
    """Which formats a width can be written in, and why the others cannot."""
    if size > asset.width:
        reason = f"the original is {asset.width} px wide and is never enlarged"
        return [], [Skipped(format=target, size=size, reason=reason) for target in formats]
    longest = max(size, round(asset.height * size / asset.width))
    fitting = [target for target in formats if longest <= CAPABILITIES[target].side]
    return fitting, [
        Skipped(
            format=target,
            size=size,
            reason=f"{target} holds at most {CAPABILITIES[target].side} px a side and {longest} would be needed",
        )
        for target in formats
        if target not in fitting
    ]


async def _variant(inputs: Inputs, job: Job, resized: Resized, target: TargetFormat, original_bytes: int) -> Variant:
    wanted = inputs.target_ssim or DEFAULT_TARGET_SSIM
    made = await job.in_process(encode_variant, resized.png, target, inputs.quality, wanted)
    name = f"{inputs.asset_id}-{resized.width}.{target}"
    await job.write_artifact(name, made.data, CAPABILITIES[target].media_type)
    return Variant(
        name=name,
        format=target,
        width=resized.width,
        height=resized.height,
        bytes=len(made.data),
        saved_ratio=_saved(len(made.data), len(resized.png)),
        saved_vs_original=_saved(len(made.data), original_bytes),
        ssim=round(made.ssim, 6),
        quality=made.quality,
        reached_target=made.ssim >= wanted if inputs.quality is None else None,
    )


def _saved(mine: int, other: int) -> float:
    return round(1 - mine / other, 6)


def _warnings(inputs: Inputs, variants: list[Variant]) -> list[str]:
    wanted = inputs.target_ssim or DEFAULT_TARGET_SSIM
    return [
        f"{variant.name} has an SSIM of {variant.ssim:.4f}, below {wanted}: no {variant.format} quality reaches it"
        for variant in variants
        if variant.reached_target is False
    ]


def _measure(job: Job, variants: list[Variant]) -> None:
    job.measure("variants", len(variants))
    job.measure("bytes_written", sum(variant.bytes for variant in variants))
    if variants:
        job.measure("lowest_ssim", min(variant.ssim for variant in variants))
