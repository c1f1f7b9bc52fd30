"""What every service has around its work: telemetry, an eye on the event loop, and children that start safely."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from jobforge.chassis.child_processes import start_as_the_standard_library
from jobforge.chassis.metrics import watch_loop_lag
from jobforge.chassis.telemetry import Telemetry

FLUSH_TIMEOUT = 3.0
"""Seconds that a stopping service gives its last spans."""
COLLECT_AFTER = 20_000
"""New objects between two looks for cycles: jobs leave few, and each look costs as much as some of them."""


@asynccontextmanager
async def serving(telemetry: Telemetry) -> AsyncIterator[None]:
    """Export spans and sample the loop's lag for as long as the service lives; flush at the end."""
    telemetry.start()
    start_as_the_standard_library(asyncio.get_running_loop())
    # What was imported lives as long as the service: the collector need not walk it again, 100 ms at a time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])
    lag = asyncio.create_task(watch_loop_lag())
    try:
        yield
    finally:
        lag.cancel()
        with suppress(asyncio.CancelledError):
            await lag
        await asyncio.to_thread(telemetry.stop, FLUSH_TIMEOUT)
