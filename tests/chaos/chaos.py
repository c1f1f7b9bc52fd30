"""Breaks the plane in every way that it promises to survive, under load: ``make chaos``.

``JOBS`` is how many jobs each fault meets, ``FAULTS`` names the rows to run, ``SEED`` repeats an earlier run. The table
is printed, and written with what every client saw to ``.runtime/chaos/``. Exit code 1 unless every row held.
"""

import asyncio
import os
import random
import sys
import tempfile
from pathlib import Path

import uvloop
from rows import chosen
from trial import table
from trial.experiment import Options, Result, run_trial
from trial.fault import Fault
from trial.plane import chaos_plane

from jobforge.testkit.backends import Plane, start_backend

RESULTS = Path(__file__).parents[2] / ".runtime" / "chaos"


async def run(servers: Plane, rows: tuple[Fault, ...], options: Options) -> list[Result]:
    """Every row on an empty plane of its own."""
    results: list[Result] = []
    async with chaos_plane(servers, options.results) as plane:
        for number, fault in enumerate(rows, 1):
            if results:
                await plane.renew()
            print(f"{number} of {len(rows)}: {fault.what}", flush=True)
            results.append(await run_trial(fault, plane, options))
            table.write(table.Header.here(options.seed), results, options.results)
            print(table.markdown(table.Header.here(options.seed), results[-1:]), flush=True)
    return results


def main() -> int:
    """Run the suite on servers of its own, and end them."""
    os.environ.setdefault("JOBFORGE_TEST_BACKEND", "native")
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6))
    rows = chosen(os.environ.get("FAULTS", ""))
    options = Options(jobs=int(os.environ.get("JOBS") or 2000), seed=seed, short=False, results=RESULTS)
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="jobforge-chaos-") as scratch:
        backend = start_backend(Path(scratch))
        try:
            results = uvloop.run(run(Plane(backend), rows, options))
        finally:
            backend.close()
    print(table.markdown(table.Header.here(seed), results))
    return 0 if all(result.held for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
