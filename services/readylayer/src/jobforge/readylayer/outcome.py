"""What an optimisation made of an asset, in the words of its outputs."""

from pydantic import BaseModel, Field

from jobforge.readylayer.formats import SourceFormat, TargetFormat, VariantFormat


class Original(BaseModel):
    """The uploaded picture; width and height as it is shown, with its EXIF orientation applied."""

    width: int
    height: int
    bytes: int
    format: SourceFormat
    frames: int = Field(description="1, or how many frames the animation has.")


class Variant(BaseModel):
    """A written file; ratios are 1 - its bytes / the other's bytes, so 0.9 is a tenth and below 0 is larger."""

    name: str
    format: VariantFormat
    width: int
    height: int
    bytes: int
    saved_ratio: float = Field(description="Against a lossless PNG of the same pixels; an SVG against the upload.")
    saved_vs_original: float = Field(description="Against the uploaded file.")
    ssim: float | None = Field(
        description="Against the resized original; with alpha the lower of on white and on black. Null for an SVG."
    )
    quality: int | None = Field(description="The encoder's quality; null for a lossless or palette file, and an SVG.")
    reached_target: bool | None = Field(
        description="Whether ssim is at least the target; null for a given quality, and an SVG."
    )


class Skipped(BaseModel):
    """A variant that was not made, and why."""

    format: TargetFormat
    size: int
    reason: str


def saved(mine: int, other: int) -> float:
    """Which part of the other's bytes is saved."""
    return round(1 - mine / other, 6)


def missed(variants: list[Variant], wanted: float) -> list[str]:
    """A warning for each variant below the similarity that was wanted."""
    return [
        f"{variant.name} has an SSIM of {variant.ssim:.4f}, below {wanted}: no {variant.format} quality reaches it"
        for variant in variants
        if variant.reached_target is False
    ]
