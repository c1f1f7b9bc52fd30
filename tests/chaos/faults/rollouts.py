"""Deployments: every service stopped in order and started again, under load."""

from trial.fault import Fault, NotAsPromised, Stage
from trial.plane import SERVICES

GRACE = 25.0


async def roll(stage: Stage) -> None:
    """Each service once after the other, twice."""
    for _ in range(2):
        for name in SERVICES:
            took = await stage.plane.restart(name)
            if took > GRACE:
                raise NotAsPromised(f"{name} took {took:.1f} s to stop, {GRACE:g} are promised")


ROWS = (
    Fault(
        "rolling-restart",
        "rolling restart of every service, twice",
        "nothing lost, no state goes back",
        roll,
        seconds=30,
    ),
)
