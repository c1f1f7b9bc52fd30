"""What Redis remembers: asked in few round trips, and never waited for."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from jobforge.chassis.redis_line import Command
from jobforge.ingestion.recall import Recall


class SlowRedis:
    """Never answers."""

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """Wait for ever."""
        await asyncio.Event().wait()
        return []

    async def close(self) -> None:
        """Nothing is open."""


async def test_requests_at_the_same_time_share_a_round_trip(door: Any) -> None:
    """A burst of fifty asks Redis a few times, not fifty."""
    runs = [uuid4() for _ in range(50)]
    answers = await asyncio.gather(
        *(door.plane.recall.ask(bodies={run: "d"}, traces=[f"t-{number % 10}"]) for number, run in enumerate(runs))
    )
    assert door.redis.trips <= 2
    assert sum(len(answer.new) for answer in answers) == 10


async def test_a_trace_that_is_known_here_asks_nobody(door: Any) -> None:
    """The second event of a trace costs no round trip."""
    recall = door.plane.recall
    assert (await recall.ask(bodies={}, traces=["t"])).new == {"t"}
    assert not (await recall.ask(bodies={}, traces=["t"])).new
    assert door.redis.trips == 1


async def test_a_trace_that_another_process_rooted_is_not_new(door: Any) -> None:
    """One root a trace, whichever door saw it first."""
    other = Recall(door.redis)
    await other.ask(bodies={}, traces=["t"])
    assert not (await door.plane.recall.ask(bodies={}, traces=["t"])).new


async def test_redis_that_hangs_costs_its_budget_once_and_is_asked_again_later() -> None:
    """After a failure Redis rests; when the rest is over it is asked again."""
    now = [0.0]
    recall = Recall(SlowRedis(), clock=lambda: now[0])
    run = uuid4()
    assert (await recall.ask(bodies={run: "d"}, traces=["t"])).new == {"t"}
    for _ in range(1000):  # would take 50 s if each waited
        assert not (await recall.ask(bodies={run: "other"}, traces=[])).other
    now[0] = 10.0
    asked = asyncio.create_task(recall.ask(bodies={run: "d"}, traces=[]))
    assert not (await asked).other


async def test_a_request_that_is_given_up_leaves_the_others_answered(door: Any) -> None:
    """Cancelling one caller does not cancel the shared round trip."""
    gone = asyncio.create_task(door.plane.recall.ask(bodies={uuid4(): "d"}, traces=[]))
    stays = asyncio.create_task(door.plane.recall.ask(bodies={}, traces=["t"]))
    await asyncio.sleep(0)
    gone.cancel()
    assert (await stays).new == {"t"}


async def test_what_nobody_waits_for_is_asked_before_the_door_closes(door: Any) -> None:
    """The last traces' roots are told of, not lost, and a trace that is known is told of once."""
    told: list[str] = []
    for trace in ("t", "u", "t"):
        door.plane.recall.tell([trace], lambda recalled: told.extend(recalled.new))
    await door.plane.recall.close()
    assert told == ["t", "u"]
