"""Decides which variants of an asset can be made."""

from collections.abc import Sequence

from jobforge.readylayer.errors import Animated
from jobforge.readylayer.formats import CAPABILITIES, TargetFormat
from jobforge.readylayer.outcome import Skipped
from jobforge.readylayer.pixels import Asset


def possible(
    formats: Sequence[TargetFormat], size: int, asset: Asset, max_pixels: int
) -> tuple[list[TargetFormat], list[Skipped]]:
    """The formats that a width can be written in, and why the others cannot.

    Raises ``Animated`` where no format that was asked for can hold the asset's frames.
    """
    if asset.frames > 1 and not any(CAPABILITIES[target].frames for target in formats):
        raise Animated(f"formats: the picture has {asset.frames} frames, which only webp keeps; add webp")
    reasons = {target: _reason(target, size, asset, max_pixels) for target in formats}
    skipped = [Skipped(format=target, size=size, reason=reason) for target, reason in reasons.items() if reason]
    return [target for target in formats if not reasons[target]], skipped


def _reason(target: TargetFormat, size: int, asset: Asset, max_pixels: int) -> str | None:
    limits = CAPABILITIES[target]
    height = max(1, round(asset.height * size / asset.width))
    if asset.format != "svg" and size > asset.width:
        return f"the original is {asset.width} px wide and is never enlarged"
    if size * height > max_pixels:
        return f"{size} x {height} px are more than {max_pixels} (JOBFORGE_READYLAYER_MAX_PIXELS)"
    if max(size, height) > limits.side:
        return f"{target} holds at most {limits.side} px a side and {max(size, height)} would be needed"
    if asset.frames > 1 and not limits.frames:
        return f"the picture has {asset.frames} frames, which only webp keeps"
    return None
