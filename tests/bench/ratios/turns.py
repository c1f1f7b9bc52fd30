"""How plane and raw path take turns, each with the processes that it is charged with."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Generic, TypeVar

from ratios import driving, machine
from ratios.driving import Client
from ratios.figures import Burst, Latencies, OpenLoop, Pair, Settings, Side
from ratios.plane_path import Accepted

SETTLE = 0.5
"""Seconds after a burst in which spans and commits that belong to it are still counted."""

Job = TypeVar("Job")
Result = TypeVar("Result")
Costs = dict[str, float]


@dataclass(frozen=True, slots=True)
class Contender(Generic[Job]):
    """One side, by its name: its clients, and its processes by name."""

    name: str
    clients: Sequence[Client[Job]]
    pids: Mapping[str, int]

    async def alone(self, jobs: int) -> Latencies:
        """Jobs one by one."""
        self._say(f"{jobs} jobs one by one")
        return await driving.one_by_one(self.clients[0], jobs)

    async def burst(self, jobs: int) -> tuple[Burst, Costs, float]:
        """A burst, what it cost each process a job, and the cores that others took meanwhile."""
        self._say(f"a burst of {jobs}")
        before = machine.read(self.pids)
        speed = await driving.burst(self.clients, jobs)
        await asyncio.sleep(SETTLE)
        after = machine.read(self.pids)
        return speed, after.a_job(before, jobs), after.others(before)

    async def open_loop(self, done: Sequence[float], seconds: float) -> OpenLoop:
        """Jobs that come at half the speed of this side's bursts."""
        rate = median(done) / 2
        self._say(f"{rate:.0f} jobs/s for {seconds:g} s")
        return await driving.open_loop(self.clients, rate, seconds)

    def _say(self, what: str) -> None:
        print(f"{self.name}: {what}", flush=True)


Turn = Callable[[Contender[Any]], Coroutine[Any, Any, Result]]


@dataclass(frozen=True, slots=True)
class Contenders:
    """Both sides."""

    plane: Contender[Accepted]
    raw: Contender["asyncio.Future[None]"]

    async def pair(self, settings: Settings, *, raw_first: bool) -> Pair:
        """Each phase by both sides, right after each other."""
        plane_alone, raw_alone = await self._both(lambda side: side.alone(settings.alone), raw_first)
        plane_burst, raw_burst = await self._both(lambda side: side.burst(settings.jobs), raw_first)
        return Pair(Side(plane_alone, *plane_burst), Side(raw_alone, *raw_burst))

    async def open_loops(self, pairs: Sequence[Pair], seconds: float) -> dict[str, OpenLoop]:
        """One of each side."""
        return {
            "plane": await self.plane.open_loop([pair.plane.burst.done for pair in pairs], seconds),
            "raw": await self.raw.open_loop([pair.raw.burst.done for pair in pairs], seconds),
        }

    async def _both(self, turn: Turn[Result], raw_first: bool) -> tuple[Result, Result]:
        """What the plane reached, then what raw did, in whichever order they ran."""
        if raw_first:
            raw = await turn(self.raw)
            return await turn(self.plane), raw
        plane = await turn(self.plane)
        return plane, await turn(self.raw)
