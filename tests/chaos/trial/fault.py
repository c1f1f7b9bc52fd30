"""A row of the table: what goes wrong, for how long, and what must hold all the same."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from trial.clients import Clients
from trial.plan import EVERYDAY, Ask, Mix, plan, quick
from trial.plane import ChaosPlane
from trial.sink import Sink

SHORT = 12.0
"""Seconds that an outage lasts at most in the short suite."""


class NotAsPromised(Exception):
    """The plane answered otherwise than the row expects; the message says how."""


Probe = Callable[[str, str, Iterator[int]], Ask]
"""A job of a trial and a tenant, with the next number of its key, that shows that something works again."""


@dataclass
class Stage:
    """What a fault has in its hands while the load goes on."""

    trial: str
    plane: ChaosPlane
    clients: Clients
    sink: Sink
    random: Random
    seconds: float
    """How long the outage lasts."""
    times: int
    """How often what is done at random moments is done."""
    short: bool = False
    """Whether this is the short suite, where no verdict hangs on how fast the machine is."""
    notes: list[str] = field(default_factory=list)
    """What else was seen, kept in ``chaos.json``."""
    marks: dict[str, int] = field(default_factory=dict)
    """What ``inject`` leaves for ``check``."""
    probes: tuple[Probe, ...] = (quick,)
    """The plane has recovered when one of each has its manifest."""


Inject = Callable[[Stage], Awaitable[None]]
Load = Callable[[Stage, int, int], AbstractAsyncContextManager[Sequence[Ask]]]
"""The jobs of a trial, of how many and which seed it is told; what else they need is there as long as the context."""


def of_echo(mix: Mix = EVERYDAY) -> Load:
    """Jobs of the echo workers alone."""

    @asynccontextmanager
    async def load(stage: Stage, jobs: int, seed: int) -> AsyncIterator[Sequence[Ask]]:
        yield plan(seed, stage.trial, jobs, stage.sink.url, mix)

    return load


EVERYDAY_LOAD = of_echo()


async def nothing_more(stage: Stage) -> None:
    """A row whose history says it all."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One row. ``inject`` ends when the fault is over; ``check`` looks at the settled plane, or raises."""

    name: str
    what: str
    expected: str
    inject: Inject
    check: Inject = nothing_more
    seconds: float = 0.0
    """How long the outage lasts; 0 for what happens at a moment."""
    load: Load = EVERYDAY_LOAD
    idle: bool = False
    """Whether everything has ended before the fault comes."""
    cluster: bool = False
    """Whether it needs three brokers; such rows are in the full suite only."""
    full: bool = False
    """Whether it is in the full suite only, for what it takes otherwise."""
    recovers: float | None = None
    """Seconds within which the plane must work again, where the promise names them; held to in the full suite."""

    def lasting(self, *, short: bool) -> float:
        """Seconds of the outage in this suite."""
        return min(self.seconds, SHORT) if short else self.seconds
