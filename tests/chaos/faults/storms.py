"""Everything at once, at random."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from trial.fault import Fault, Stage
from trial.plane import SERVICES, WORKERS

from faults import views


async def _kill(stage: Stage) -> None:
    await asyncio.to_thread(stage.plane[stage.random.choice(SERVICES)].kill)


async def _stop_worker(stage: Stage) -> None:
    worker = stage.plane[stage.random.choice(WORKERS)]
    worker.pause()
    await asyncio.sleep(stage.seconds)
    worker.resume()


async def _freeze_kafka(stage: Stage) -> None:
    stage.plane.servers.kafka.pause()
    await asyncio.sleep(stage.seconds)
    stage.plane.servers.kafka.resume()


async def _restart_kafka(stage: Stage) -> None:
    await asyncio.to_thread(stage.plane.servers.kafka.kill)
    await asyncio.to_thread(stage.plane.servers.kafka.start)


DOINGS: tuple[Callable[[Stage], Awaitable[None]], ...] = (
    _kill,
    _kill,
    _stop_worker,
    _freeze_kafka,
    _restart_kafka,
    views.flush_once,
    views.cut,
    views.crash,
)


async def storm(stage: Stage) -> None:
    """Two of these at a time, each for a few seconds, several times."""
    for _ in range(stage.times):
        chosen = stage.random.sample(DOINGS, 2)
        stage.notes.append(" and ".join(doing.__name__.lstrip("_") for doing in chosen))
        brief = replace(stage, seconds=stage.random.uniform(1, 6), times=2)
        await asyncio.gather(*(doing(brief) for doing in chosen))
        await asyncio.sleep(stage.random.uniform(0, 3))


ROWS = (
    Fault(
        "storm",
        "any two of these at once, at random, again and again",
        "nothing lost, one end each, no state goes back",
        storm,
        seconds=60,
    ),
)
