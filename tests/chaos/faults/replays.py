"""The log read again and records delivered twice."""

from trial import log
from trial.fault import Fault, NotAsPromised, Stage
from trial.plane import SERVICES

from jobforge.contracts.topics import DEAD_LETTERS, REJECTED

NEVER_READ = (DEAD_LETTERS.named(), REJECTED.name)


async def rewind(stage: Stage) -> None:
    """Every group's offsets set to 0 while the services are down, as after lost offsets."""
    await stage.plane.stop(*SERVICES)
    try:
        moved = await log.rewind(stage.plane.bootstrap)
    finally:
        await stage.plane.start(*SERVICES)
    stage.notes.append(f"{moved} offsets reset to 0")


async def rewind_idle(stage: Stage) -> None:
    """The same with nothing left to do: no job may run again."""
    before = stage.sink.posts
    await rewind(stage)
    await log.quiet(stage.plane.bootstrap, timeout=120)
    if stage.sink.posts != before:
        raise NotAsPromised(f"{stage.sink.posts - before} finished runs acted again")


async def deliver_twice(stage: Stage) -> None:
    """Every record of every topic that anybody reads, written a second time."""
    topics = {at.topic for at in await log.ends(stage.plane.bootstrap) if at.topic.startswith("jobforge.")}
    read = {name for name in topics if not name.startswith(NEVER_READ)}
    stage.notes.append(f"{await log.again(stage.plane.bootstrap, read)} records delivered twice")


async def deliver_twice_idle(stage: Stage) -> None:
    """The same with nothing left to do."""
    before = stage.sink.posts
    await deliver_twice(stage)
    await log.quiet(stage.plane.bootstrap, timeout=120)
    if stage.sink.posts != before:
        raise NotAsPromised(f"{stage.sink.posts - before} finished runs acted again")


_EXPECTED = "no new effect, same digests"
ROWS = (
    Fault("offsets-zero", "group offsets reset to 0 under load", _EXPECTED, rewind, seconds=12),
    Fault("offsets-zero-idle", "group offsets reset to 0 at rest", _EXPECTED, rewind_idle, idle=True),
    Fault("delivered-twice", "every record of every topic delivered twice, under load", _EXPECTED, deliver_twice),
    Fault("delivered-twice-idle", "the same at rest", _EXPECTED, deliver_twice_idle, idle=True),
)
