"""Measures what the templates' work is worth on real data, through a running plane: ``make eval``.

usage: uv run python tests/measure/evaluate.py DATA_DIR --judge PROGRAM [--only PART ...]

DATA_DIR holds ``contracts``, ``cranfield`` and ``images``. Every part starts on an empty plane of its own. The table,
targets beside figures, is printed and written to ``.runtime/eval/eval.md``. Exit code 1 if a target is missed.
"""

import argparse
import asyncio
import logging
import os
import platform
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import eval_contracts
import eval_images
import eval_search
import eval_usage
import psutil
from figures import Figure, table

from jobforge.testkit.backends import Backend, Plane, start_backend

RESULTS = Path(__file__).parents[2] / ".runtime" / "eval"

Part = Callable[[Plane, Path, Path], Awaitable[list[Figure]]]
"""(plane, an empty folder, the data) to figures."""


def main() -> int:
    """Run on servers of its own, and end them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DATA_DIR")
    parser.add_argument("--judge", type=Path, required=True, help="scores the outputs of contracts against labels")
    parser.add_argument("--only", nargs="+", metavar="PART")
    given = parser.parse_args()
    parts: dict[str, Part] = {
        "contracts": partial(eval_contracts.measure, judge=given.judge),
        "search": eval_search.measure,
        "images": eval_images.measure,
        "usage": eval_usage.measure,
    }
    for needed in (given.data / "contracts", given.data / "cranfield", given.data / "images", given.judge):
        if not needed.exists():
            parser.error(f"{needed} does not exist: DATA= names the folder of the data, JUDGE= the scorer of contracts")
    chosen = given.only or list(parts)
    if unknown := set(chosen) - set(parts):
        parser.error(f"no such part: {', '.join(unknown)}; the parts are {', '.join(parts)}")
    os.environ.setdefault("JOBFORGE_TEST_BACKEND", "native")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # topics that are just being made are no news
    with tempfile.TemporaryDirectory(prefix="jobforge-eval-") as scratch:
        backend: Backend = start_backend(Path(scratch))
        try:
            figures = asyncio.run(
                measure(Plane(backend), Path(scratch), given.data, {name: parts[name] for name in chosen})
            )
        finally:
            backend.close()
    shown = f"{machine()}\n\n{table(figures)}\n"
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "eval.md").write_text(shown, encoding="utf-8")
    print(shown)
    return 0 if all(figure.met for figure in figures) else 1


async def measure(plane: Plane, scratch: Path, data: Path, parts: dict[str, Part]) -> list[Figure]:
    """Every part, one after the other."""
    figures: list[Figure] = []
    for name, part in parts.items():
        await plane.reset()
        folder = scratch / name
        (folder / "artifacts").mkdir(parents=True)
        figures += await part(plane, folder, data)
    return figures


def machine() -> str:
    """When and on what this ran."""
    memory = round(psutil.virtual_memory().total / 2**30)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {psutil.cpu_count()} cores, {memory} GiB, Python {platform.python_version()}, "
        "every figure measured through the plane."
    )


if __name__ == "__main__":
    sys.exit(main())
