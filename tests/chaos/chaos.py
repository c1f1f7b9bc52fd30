"""Breaks the plane in every way that it promises to survive, under load: ``make chaos``.

``JOBS`` is how many jobs each fault meets, ``FAULTS`` names the rows to run, ``SEED`` repeats an earlier run. The table
is printed, and written with what every client saw to ``.runtime/chaos/``. Exit code 1 unless every row held.
"""

import logging
import os
import random
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import uvloop
from rows import chosen
from trial import cluster
from trial.experiment import Options, Result, run_trial
from trial.fault import Fault
from trial.plane import chaos_plane
from trial.table import Header, Report

from jobforge.testkit.backends import Backend, Plane, start_backend

RESULTS = Path(__file__).parents[2] / ".runtime" / "chaos"


async def run(servers: Plane, rows: Sequence[Fault], options: Options, report: Report) -> None:
    """Every row on an empty plane of its own."""
    async with chaos_plane(servers, options.results) as plane:
        for number, fault in enumerate(rows):
            print(f"{fault.name}: {fault.what}", flush=True)
            try:
                if number:
                    await plane.renew()
                result = await run_trial(fault, plane, options)
            except Exception as error:  # the other rows still run, and the table says what became of this one
                traceback.print_exc()
                result = Result.broken_off(fault, error)
            report.add(result)
            print(report.markdown(last=1), flush=True)


def run_on(start: Callable[[Path], Backend], rows: Sequence[Fault], options: Options, report: Report) -> None:
    """Run rows on servers of their own, and end them."""
    if not rows:
        return
    with tempfile.TemporaryDirectory(prefix="jobforge-chaos-") as scratch:
        backend = start(Path(scratch))
        try:
            uvloop.run(run(Plane(backend), rows, options, report))
        finally:
            backend.close()


def main() -> int:
    """Run the suite; the exit code says whether every row held."""
    os.environ.setdefault("JOBFORGE_TEST_BACKEND", "native")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # of what is broken on purpose the rows tell
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6))
    rows = chosen(os.environ.get("FAULTS", ""))
    options = Options(jobs=int(os.environ.get("JOBS") or 2000), seed=seed, short=False, results=RESULTS)
    report = Report(Header.here(seed), RESULTS)
    print(f"seed {seed}", flush=True)
    run_on(start_backend, [fault for fault in rows if not fault.cluster], options, report)
    run_on(cluster.start, [fault for fault in rows if fault.cluster], options, report)
    print(report.markdown())
    return 0 if report.held else 1


if __name__ == "__main__":
    sys.exit(main())
