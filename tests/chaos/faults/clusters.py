"""Brokers of three that die: the leader alone, and so many that no record can be acknowledged."""

import asyncio
from itertools import count

from trial.cluster import ClusterBackend
from trial.fault import Fault, NotAsPromised, Stage
from trial.plan import quick

SURELY_AWAY = 3.0
"""Seconds after which no answer is on its way any more that was given before."""


def _cluster(stage: Stage) -> ClusterBackend:
    backend = stage.plane.servers.servers
    assert isinstance(backend, ClusterBackend)
    return backend


async def lose_leaders(stage: Stage) -> None:
    """Kill the leader of a partition of runs, let the others go on, bring it back; several times."""
    keys = count()
    for number in range(max(stage.times // 2, 1)):
        leader = await _cluster(stage).leader("jobforge.runs", number % stage.plane.servers.partitions)
        stage.notes.append(f"killed broker {leader.node}")
        await asyncio.to_thread(leader.kill)
        # A request of its own: the load may be through by now, and then says nothing.
        asked = asyncio.create_task(stage.clients.send(quick(stage.trial, "leader", keys)))
        await asyncio.sleep(stage.seconds)
        accepted = asked.done()
        await asyncio.to_thread(leader.start)
        await asyncio.to_thread(leader.wait)
        await asked
        if not accepted:
            raise NotAsPromised(f"nothing was accepted within {stage.seconds:g} s of the loss of one broker of three")


async def lose_quorum(stage: Stage) -> None:
    """Kill one broker and freeze another: two copies of three are gone, so nothing may be accepted."""
    killed, frozen, _ = stage.random.sample(_cluster(stage).brokers, 3)
    await asyncio.to_thread(killed.kill)
    frozen.pause()
    try:
        await asyncio.sleep(SURELY_AWAY)
        before = len(stage.clients.known)
        await asyncio.sleep(stage.seconds)
        accepted = len(stage.clients.known) - before
    finally:
        frozen.resume()
        await asyncio.to_thread(killed.start)
        await asyncio.to_thread(killed.wait)
    if accepted:
        raise NotAsPromised(f"{accepted} requests were accepted that two brokers of three could not hold")


ROWS = (
    Fault(
        "leader-lost",
        "three brokers: the leader killed",
        "accepted survives; the other two go on",
        lose_leaders,
        seconds=15,
        cluster=True,
    ),
    Fault(
        "min-isr-lost",
        "three brokers: two of them gone",
        "nothing is accepted that two brokers do not hold; it recovers by itself",
        lose_quorum,
        seconds=20,
        cluster=True,
    ),
)
