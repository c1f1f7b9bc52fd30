"""Who works on a run right now. Leases only save work: with the store away or emptied everything is still right."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal, NamedTuple, Protocol
from uuid import UUID

import structlog
from redis.exceptions import RedisError

from jobforge.chassis import view_names
from jobforge.chassis.redis_line import Command, RedisLine
from jobforge.chassis.redis_together import Together
from jobforge.execution.lease_script import LeaseLine
from jobforge.execution.policy import UNLEASED, Claimed

log = structlog.get_logger()

LEASE = timedelta(seconds=10)
"""How long a lease lives without renewal, by the store's clock."""
RENEW_EVERY = timedelta(seconds=3)
BUDGET = timedelta(milliseconds=500)
"""How long an answer may take; then the job goes on without it."""
REST = timedelta(seconds=1)
"""How long the store is not asked after a failure."""
COUNT_KEPT = timedelta(days=1)
"""How long the number of starts of a run that never ended is remembered."""

Renewal = Literal["ok", "cancel", "lost"]


class Holding(NamedTuple):
    """A claim on a run."""

    tenant_id: str
    run_id: UUID
    attempt: int
    claim: str


class Leases(Protocol):
    """What the engine asks; none of it ever raises for a store that is away."""

    async def claim(self, wanted: Holding) -> Claimed:
        """Take the lease if nobody else holds it."""
        ...

    async def renew(self, held: Sequence[Holding]) -> list[Renewal]:
        """Keep these leases; one that was forgotten is taken again. ``lost``: another claim holds it."""
        ...

    def release(self, held: Holding, *, ended: bool) -> None:
        """Give a lease back; nothing waits for it. Not ``ended``: the start did not count, since it was handed back."""
        ...


_LEASE = int(LEASE.total_seconds() * 1000)
_KEPT = int(COUNT_KEPT.total_seconds() * 1000)


class RedisLeases:
    """Leases in Redis, by its clock; what many jobs ask at one moment is one script call."""

    def __init__(self, line: RedisLine) -> None:
        self._together = Together(LeaseLine(line))
        self._rest_until = 0.0

    async def claim(self, wanted: Holding) -> Claimed:
        """See ``Leases.claim``; without an answer in time the job goes on without a lease."""
        (found,) = await self._ask("claim", wanted)
        if found is None:
            return UNLEASED
        state, known, count, fence, seen = found
        attempt, _, starts = seen.decode().partition(" ")
        in_log = int(starts) if attempt == str(wanted.attempt) else 0
        return Claimed(state.decode(), bool(known), max(count, in_log), fence)

    async def renew(self, held: Sequence[Holding]) -> list[Renewal]:
        """See ``Leases.renew``."""
        answers = await self._ask("renew", *held)
        return ["ok" if answer is None else answer.decode() for answer in answers]

    def release(self, held: Holding, *, ended: bool) -> None:
        """See ``Leases.release``."""
        if not self._resting():
            self._together.tell(_question("ended" if ended else "back", held))

    async def held(self, runs: Sequence[tuple[str, UUID]]) -> list[bool]:
        """Which of these runs somebody works on now; raises ``RedisError`` or ``OSError`` while the store is away."""
        if not runs:
            return []
        about = (("held", "", view_names.lease(tenant_id, run_id)) for tenant_id, run_id in runs)
        answers = await self._together.ask(*about)
        for answer in answers:
            if isinstance(answer, RedisError):
                raise answer
        return [answer == 1 for answer in answers]

    async def close(self) -> None:
        """Disconnect; what was given back last is sent first."""
        await self._together.close()

    async def _ask(self, kind: str, *about: Holding) -> list[Any]:
        """The answer to each question; None where there is none."""
        if self._resting():
            return [None for _ in about]
        try:
            questions = [_question(kind, one) for one in about]
            answers = await self._together.ask(*questions, within=BUDGET.total_seconds())
        except (RedisError, OSError, TimeoutError) as error:
            answers = [error for _ in about]
        return [self._rested(answer) if isinstance(answer, Exception) else answer for answer in answers]

    def _rested(self, error: Exception) -> Any:
        """No answer, and no question for a while."""
        if not self._resting():
            log.warning("leases.away", error=type(error).__name__)
        self._rest_until = asyncio.get_running_loop().time() + REST.total_seconds()
        return None

    def _resting(self) -> bool:
        return asyncio.get_running_loop().time() < self._rest_until


def _question(kind: str, about: Holding) -> Command:
    tenant_id, claim, run_id = about.tenant_id, about.claim, str(about.run_id)
    return kind, view_names.row(tenant_id, run_id), view_names.lease(tenant_id, run_id), claim, _LEASE, _KEPT
