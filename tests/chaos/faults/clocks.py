"""Clocks that are wrong: each service's jumps an hour back or forth while it works."""

import asyncio
from pathlib import Path

from trial.fault import Fault, Stage
from trial.plane import SERVICES

CLOCK = Path(__file__).resolve().parents[1] / "clock"
HOUR = 3600
JUMPS = 3


async def jump(stage: Stage) -> None:
    """Start every service with a clock that can be set, set each one wrong several times, and start them as before."""
    clocks = {name: stage.plane.logs / f"{name}.clock" for name in SERVICES}
    await _start_again(stage, {name: {"PYTHONPATH": str(CLOCK), "CHAOS_CLOCK": str(clocks[name])} for name in SERVICES})
    try:
        for _ in range(JUMPS):
            for clock in clocks.values():
                clock.write_text(str(stage.random.choice((-HOUR, 0, HOUR))))
            await asyncio.sleep(stage.seconds / JUMPS)
    finally:
        await _start_again(stage, {})
        for clock in clocks.values():
            clock.unlink(missing_ok=True)


async def _start_again(stage: Stage, variables: dict[str, dict[str, str]]) -> None:
    await stage.plane.stop(*SERVICES)
    for name in SERVICES:
        kept = {key: value for key, value in stage.plane[name].environment.items() if key not in ("PYTHONPATH",)}
        stage.plane[name].environment = kept | variables.get(name, {})
    await stage.plane.start(*SERVICES)


ROWS = (
    Fault(
        "clock-jumps",
        "the services' clocks jump an hour back and forth",
        "order, leases, retries and deadlines are as before; nothing ends too early",
        jump,
        seconds=20,
    ),
)
