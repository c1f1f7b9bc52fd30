"""Questions that many ask of Redis at one moment."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from jobforge.chassis.redis_line import Command
from jobforge.chassis.redis_together import Together


class Slow:
    """A line that answers once it is told to."""

    def __init__(self) -> None:
        self.told = asyncio.Event()

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """The commands themselves."""
        await self.told.wait()
        return list(commands)

    async def close(self) -> None:
        """Nothing is open."""


async def test_a_question_gives_up_in_time_and_leaves_the_others_theirs() -> None:
    """Though they share a round trip, each waits as long as it wants to."""
    line = Slow()
    together = Together(line)
    patient = asyncio.create_task(together.ask(("GET", "a")))
    bounded = asyncio.create_task(together.ask(("GET", "b"), within=30))
    with pytest.raises(TimeoutError):
        await together.ask(("GET", "c"), within=0.01)
    line.told.set()
    assert await patient == [("GET", "a")]
    assert await bounded == [("GET", "b")]
    await together.close()


async def test_a_cancelled_question_is_cancelled_and_does_not_time_out() -> None:
    """Whoever stops waiting for an answer with a budget hears of nothing else."""
    asking = asyncio.create_task(Together(Slow()).ask(("GET", "a"), within=0.01))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
