"""Compares the bytes that ReadyLayer writes with what sharp (npm) needs for the same similarity.

usage: uv run python tests/measure/compare_sharp.py IMAGES_DIR [--widths 384,768] [--formats webp,avif,jpeg,png]

Needs Node and npm, which installs sharp into a temporary folder. Both encode the same resized pixels. Sharp is tried
with each of its settings below and the one with the fewest bytes counts; its bytes at our SSIM are read between its two
neighbouring qualities, so that neither side gains by where its steps lie. Exit code 1 if any file of ours is more than
5 % larger.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pyvips

from jobforge.readylayer.formats import TargetFormat
from jobforge.readylayer.search import Trial, smallest
from jobforge.readylayer.similarity import Reference
from jobforge.readylayer.steps import encode_variant, resize_asset

TARGET = 0.95
MORE_AT_MOST = 0.05
MAX_PIXELS = 50_000_000
SETTINGS: dict[TargetFormat, list[dict[str, Any]]] = {
    "webp": [{}, {"effort": 6}, {"effort": 6, "smartSubsample": True}],
    "avif": [{}, {"tune": "ssim"}, {"effort": 6, "tune": "ssim"}],
    "jpeg": [{}, {"mozjpeg": True}, {"mozjpeg": True, "chromaSubsampling": "4:4:4"}],
    "png": [{"palette": True, "effort": 10}],
}
GUESS: dict[TargetFormat, int] = {"webp": 75, "avif": 55, "jpeg": 80, "png": 95}
LOSSLESS_PNG = {"compressionLevel": 9, "adaptiveFiltering": True}
_ENCODER = """
import sharp from 'sharp';
import {createInterface} from 'node:readline';
sharp.concurrency(1);
for await (const line of createInterface({input: process.stdin})) {
  const {from, to, format, options} = JSON.parse(line);
  try {
    await sharp(from).toFormat(format, options).toFile(to);
    console.log('done');
  } catch (error) {
    console.log('failed ' + String(error.message).replaceAll('\\n', ' '));
  }
}
"""


class Sharp:
    """A Node process that encodes with sharp."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", "sharp"]
        (folder / "package.json").write_text('{"type": "module"}')
        subprocess.run(install, cwd=folder, check=True)
        (folder / "encode.mjs").write_text(_ENCODER)
        self._node = subprocess.Popen(
            ["node", "encode.mjs"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    @property
    def version(self) -> str:
        """The version that npm chose."""
        return str(json.loads((self._folder / "node_modules/sharp/package.json").read_text())["version"])

    def encode(self, png: bytes, kind: TargetFormat, options: dict[str, Any]) -> bytes:
        """One file."""
        source, target = self._folder / "in.png", self._folder / "out"
        source.write_bytes(png)
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        told = {"from": str(source), "to": str(target), "format": kind, "options": options}
        print(json.dumps(told), file=self._node.stdin, flush=True)
        said = self._node.stdout.readline().strip()
        if said != "done":
            raise ValueError(f"sharp {kind} {options}: {said}")
        return target.read_bytes()

    def close(self) -> None:
        """End the process."""
        self._node.communicate()


def main() -> int:
    """Print a line for each file, then the worst of each format."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--widths", default="384,768")
    parser.add_argument("--formats", default=",".join(get_args(TargetFormat)))
    given = parser.parse_args()
    more: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        sharp = Sharp(Path(folder))
        print(f"sharp {sharp.version}; SSIM {TARGET}; bytes, and ours against sharp's best", flush=True)
        for path in sorted(given.images.glob("*.png")):
            for width in map(int, given.widths.split(",")):
                resized = resize_asset(path.read_bytes(), width, MAX_PIXELS)
                for kind in given.formats.split(","):
                    share = _compared(sharp, f"{path.stem} {width}", resized.png, kind)
                    more.setdefault(kind, []).append(share)
        sharp.close()
    for kind, shares in more.items():
        print(f"{kind}: {min(shares):+.1%} to {max(shares):+.1%}, mean {sum(shares) / len(shares):+.1%}")
    return 1 if not more or max(map(max, more.values())) > MORE_AT_MOST else 0


def _compared(sharp: Sharp, name: str, png: bytes, kind: TargetFormat) -> float:
    ours = encode_variant(png, kind, None, TARGET)
    reference = Reference(pyvips.Image.pngload_buffer(png))
    found: dict[str, float] = {}
    for options in SETTINGS[kind]:
        attempt = sharp_attempt(sharp, png, kind, options, reference)
        trials = smallest(attempt, target=ours.ssim, guess=GUESS[kind])
        size = bytes_at(trials, ours.ssim)
        if size is not None:
            found[json.dumps(options)] = size
    if kind == "png":
        found[json.dumps(LOSSLESS_PNG)] = len(sharp.encode(png, kind, LOSSLESS_PNG))
    best = min(found, key=lambda options: found[options])
    share = len(ours.data) / found[best] - 1
    print(f"{name} {kind}: {len(ours.data)} {found[best]:.0f} {share:+.1%} (ssim {ours.ssim:.4f}, {best})", flush=True)
    return share


def sharp_attempt(
    sharp: Sharp, png: bytes, kind: TargetFormat, options: dict[str, Any], reference: Reference
) -> Callable[[int], Trial]:
    """What sharp makes of the pixels at a quality."""

    def attempt(quality: int) -> Trial:
        data = sharp.encode(png, kind, {**options, "quality": quality})
        return Trial(quality, data, reference.ssim(data))

    return attempt


def bytes_at(trials: list[Trial], ssim: float) -> float | None:
    """The bytes at that similarity, between the nearest trials below and above; None where none reaches it."""
    above = min((t for t in trials if t.ssim >= ssim), key=lambda t: len(t.data), default=None)
    below = max((t for t in trials if t.ssim < ssim), key=lambda t: t.ssim, default=None)
    if above is None or below is None or len(below.data) >= len(above.data):
        return None if above is None else float(len(above.data))
    part = (ssim - below.ssim) / (above.ssim - below.ssim)
    low, high = math.log(len(below.data)), math.log(len(above.data))
    return math.exp(low + part * (high - low))


if __name__ == "__main__":
    sys.exit(main())
