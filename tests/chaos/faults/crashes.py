"""Processes that die: SIGKILL at random moments under load, again and again."""

import asyncio

from trial.fault import Fault, Inject, Stage, of_echo
from trial.plan import ACTING, EVERYDAY, RETRYING, Mix
from trial.plane import SERVICES, WORKERS

LASTING = 20.0
"""Seconds over which the kills are spread."""


def killing(*names: str) -> Inject:
    """Kill one of these at a random moment, several times; the supervisor starts it again."""

    async def inject(stage: Stage) -> None:
        pause = stage.seconds / stage.times
        for _ in range(stage.times):
            await asyncio.sleep(stage.random.uniform(0.1, 2 * pause))
            name = stage.random.choice(names)
            await asyncio.to_thread(stage.plane[name].kill)
            stage.notes.append(f"killed {name}")

    return inject


def _row(name: str, what: str, *names: str, mix: Mix = EVERYDAY) -> Fault:
    expected = "no accepted request lost, one end each, no second visible effect"
    return Fault(name, what, expected, killing(*names), seconds=LASTING, load=of_echo(mix))


ROWS = (
    _row("kill-ingestion", "kill -9 of ingestion", "ingestion"),
    _row("kill-worker", "kill -9 of one worker or the other", *WORKERS),
    _row("kill-worker-acting", "kill -9 of workers while half of the jobs act on the world", *WORKERS, mix=ACTING),
    _row("kill-manifest", "kill -9 of the view's service", "manifest"),
    _row("kill-scheduler", "kill -9 of the scheduler between publish and commit", "scheduler", mix=RETRYING),
    _row("kill-anyone", "kill -9 of any service", *SERVICES),
)
