"""A plane to mistreat, for every row of the short suite; what one row broke is made anew for the next."""

import os
import random
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest_asyncio

from jobforge.testkit.backends import Plane

CHAOS = Path(__file__).resolve().parents[1]
if str(CHAOS) not in sys.path:
    sys.path.insert(0, str(CHAOS))

if TYPE_CHECKING:
    from trial.experiment import Options, Result
    from trial.fault import Fault
    from trial.plane import ChaosPlane

JOBS = 300
RESULTS = CHAOS.parents[1] / ".runtime" / "chaos" / "short"
"""Where logs and what clients saw are kept, also when a test fails."""


@dataclass
class Laboratory:
    """Runs rows one after the other on one plane."""

    plane: "ChaosPlane"
    options: "Options"
    spoiled: bool = False

    async def run(self, fault: "Fault") -> "Result":
        """Run a row; after one that did not hold, or broke off, the next gets an empty plane."""
        from trial.experiment import run_trial

        if self.spoiled:
            await self.plane.renew()
        self.spoiled = True
        result = await run_trial(fault, self.plane, self.options)
        self.spoiled = not result.held
        return result


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def laboratory(plane: Plane) -> AsyncIterator[Laboratory]:
    """Five service processes on the session's servers. ``SEED`` repeats an earlier run, ``JOBS`` makes it longer."""
    from trial.experiment import Options
    from trial.plane import chaos_plane

    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6))
    options = Options(jobs=int(os.environ.get("JOBS") or JOBS), seed=seed, short=True, results=RESULTS)
    async with chaos_plane(plane, RESULTS) as mistreated:
        yield Laboratory(mistreated, options)
