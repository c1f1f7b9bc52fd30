"""How small the plane makes photographs, how alike they stay, and how sharp (npm) compares at the same likeness.

The photographs are Kodak's (Lossless True Color Image Suite). Likeness is SSIM to the same pixels at the same width.
"""

import asyncio
import shutil
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import fmean
from typing import Any

import pyvips
from compare_sharp import GUESS, MAX_PIXELS, MORE_AT_MOST, TARGET, Sharp, bytes_at, sharp_attempt
from figures import Figure, at_least
from running import TENANT, completed

from jobforge.client import AsyncJobForgeClient
from jobforge.readylayer.formats import TargetFormat
from jobforge.readylayer.search import smallest
from jobforge.readylayer.similarity import Reference
from jobforge.readylayer.steps import resize_asset
from jobforge.testkit.backends import Plane
from jobforge.testkit.processes import Services

TEMPLATE = "readylayer.asset.optimize"
FORMATS: tuple[TargetFormat, ...] = ("webp", "avif")
WIDTHS = (384, 768)


async def measure(plane: Plane, folder: Path, data: Path) -> list[Figure]:
    """Start, optimize what ``data / "images"`` holds, compare."""
    photographs = pictures(data / "images")
    async with Services(plane.environment(artifacts=folder / "artifacts"), logs=folder / "logs") as services:
        await services.start("ingestion", "manifest", "readylayer", "scheduler", timeout=300)
        doors = {"url": services["ingestion"].url, "query_url": services["manifest"].url}
        async with AsyncJobForgeClient(**doors, timeout=900) as client:
            found = {name: await optimized(client, name, content) for name, content in photographs.items()}
    variants = [variant for each in found.values() for variant in each]
    figures = [at_least("images: SSIM of the least alike variant", min(each["ssim"] for each in variants), TARGET)]
    for kind in FORMATS:
        saved = fmean(each["saved_ratio"] for each in variants if each["format"] == kind)
        figures.append(Figure(f"images: {kind}, saved against lossless PNG, mean", "", f"{saved:.1%}"))
    return [*figures, *await asyncio.to_thread(against_sharp, photographs, found)]


def pictures(folder: Path) -> dict[str, bytes]:
    """The photographs by name."""
    return {path.stem: path.read_bytes() for path in sorted(folder.glob("*.png"))}


async def optimized(client: AsyncJobForgeClient, name: str, content: bytes) -> list[dict[str, Any]]:
    """The variants of a photograph; a run that fails ends the evaluation."""
    await client.put_object("asset", name, content, tenant_id=TENANT, content_type="image/png")
    inputs = {"asset_id": name, "formats": list(FORMATS), "sizes": list(WIDTHS)}
    _, outputs = await completed(client, TEMPLATE, inputs, timeout=900)
    print(f"images: {name}", flush=True)
    return [dict(variant) for variant in outputs["variants"]]


def against_sharp(photographs: dict[str, bytes], found: dict[str, list[dict[str, Any]]]) -> list[Figure]:
    """Bytes beyond what sharp needs, with its own settings, for the same SSIM; the worst of each format."""
    target = f"at most {MORE_AT_MOST:+.0%}"
    if shutil.which("npm") is None:
        return [Figure("images: bytes against sharp", target, "not measured: npm is not on the PATH", met=False)]
    more: dict[TargetFormat, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        sharp = Sharp(Path(folder))
        for name, content in photographs.items():
            for width in WIDTHS:
                png = resize_asset(content, width, MAX_PIXELS).png
                reference = Reference(pyvips.Image.pngload_buffer(png))
                for kind in FORMATS:
                    (ours,) = (each for each in found[name] if (each["format"], each["width"]) == (kind, width))
                    attempt = sharp_attempt(sharp, png, kind, {}, reference)
                    size = bytes_at(smallest(attempt, target=ours["ssim"], guess=GUESS[kind]), ours["ssim"])
                    if size is not None:
                        more[kind].append(ours["bytes"] / size - 1)
        version = sharp.version
        sharp.close()
    return [
        Figure(
            f"images: {kind}, bytes against sharp {version} at equal SSIM, worst of {len(shares)}",
            target,
            f"{max(shares):+.1%}",
            met=max(shares) <= MORE_AT_MOST and len(shares) == len(photographs) * len(WIDTHS),
        )
        for kind, shares in more.items()
    ]
