"""Who works on a run right now. Leases only save work: with the store away or emptied everything is still right."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal, NamedTuple, Protocol
from uuid import UUID

import structlog
from redis.exceptions import RedisError

from jobforge.chassis import view_names
from jobforge.chassis.redis_line import RedisLine
from jobforge.chassis.redis_together import Script, Together
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


_PARSE = """
local function parse(held)
  if not held then return 0, 0, '' end
  local count, till, holder = string.match(held, '^(%d+):(%d+):(.*)$')
  return tonumber(count) or 0, tonumber(till) or 0, holder or ''
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local count, till, holder = parse(redis.call('GET', KEYS[2]))
local function hold(n, upto, claim)
  redis.call('SET', KEYS[2], string.format('%d:%d:%s', n, upto, claim), 'PX', ARGV[3])
end
"""
CLAIM = Script(
    _PARSE
    + """
-- KEYS: row, lease. ARGV: claim, lease ms, count kept ms.
if redis.call('HEXISTS', KEYS[1], 'manifest') == 1 then return {'ended', 1, 0, 0, ''} end
if till > now and holder ~= ARGV[1] then return {'held', 1, 0, 0, ''} end
local row = redis.call('HMGET', KEYS[1], 'cancel', 'starts')
local known = redis.call('EXISTS', KEYS[1])
if holder ~= ARGV[1] then count = count + 1 end
hold(count, now + ARGV[2], ARGV[1])
return {row[1] and 'cancel' or 'free', known, count - 1, count, row[2] or ''}
"""
)
RENEW = Script(
    _PARSE
    + """
-- KEYS: row, lease. ARGV: claim, lease ms, count kept ms.
if till > now and holder ~= ARGV[1] then return 'lost' end
hold(math.max(count, 1), now + ARGV[2], ARGV[1])
return redis.call('HEXISTS', KEYS[1], 'cancel') == 1 and 'cancel' or 'ok'
"""
)
RELEASE = Script(
    _PARSE
    + """
-- KEYS: row, lease. ARGV: claim, '' or 'ended', count kept ms.
if holder ~= ARGV[1] then return 0 end
if ARGV[2] == 'ended' or count < 2 then return redis.call('DEL', KEYS[2]) end
hold(count - 1, 0, '')
return 1
"""
)
_LEASE = int(LEASE.total_seconds() * 1000)
_KEPT = int(COUNT_KEPT.total_seconds() * 1000)


class RedisLeases:
    """Leases in Redis, by its clock; what many jobs ask at one moment is one round trip."""

    def __init__(self, line: RedisLine) -> None:
        self._together = Together(line, scripts=(CLAIM, RENEW, RELEASE))
        self._rest_until = 0.0

    async def claim(self, wanted: Holding) -> Claimed:
        """See ``Leases.claim``; without an answer in time the job goes on without a lease."""
        found = await self._ask(CLAIM, wanted, _LEASE)
        if found is None:
            return UNLEASED
        state, known, count, fence, seen = found
        attempt, _, starts = seen.decode().partition(" ")
        in_log = int(starts) if attempt == str(wanted.attempt) else 0
        return Claimed(state.decode(), bool(known), max(count, in_log), fence)

    async def renew(self, held: Sequence[Holding]) -> list[Renewal]:
        """See ``Leases.renew``."""
        answers = await asyncio.gather(*(self._ask(RENEW, one, _LEASE) for one in held))
        return ["ok" if answer is None else answer.decode() for answer in answers]

    def release(self, held: Holding, *, ended: bool) -> None:
        """See ``Leases.release``."""
        if not self._resting():
            self._together.tell(RELEASE.command(_keys(held), (held.claim, "ended" if ended else "", _KEPT)))

    async def held(self, runs: Sequence[tuple[str, UUID]]) -> list[bool]:
        """Which of these runs somebody works on now; raises ``RedisError`` or ``OSError`` while the store is away."""
        if not runs:
            return []
        keys = [view_names.lease(tenant_id, run_id) for tenant_id, run_id in runs]
        (seconds, micros), values = await self._together.ask(("TIME",), ("MGET", *keys))
        now = int(seconds) * 1000 + int(micros) // 1000
        return [value is not None and int(value.split(b":", 2)[1]) > now for value in values]

    async def close(self) -> None:
        """Disconnect; what was given back last is sent first."""
        await self._together.close()

    async def _ask(self, script: Script, about: Holding, *arguments: int) -> Any:
        if self._resting():
            return None
        try:
            async with asyncio.timeout(BUDGET.total_seconds()):
                (answer,) = await self._together.ask(script.command(_keys(about), (about.claim, *arguments, _KEPT)))
            return answer
        except (RedisError, OSError, TimeoutError) as error:
            if not self._resting():
                log.warning("leases.away", error=type(error).__name__)
            self._rest_until = asyncio.get_running_loop().time() + REST.total_seconds()
            return None

    def _resting(self) -> bool:
        return asyncio.get_running_loop().time() < self._rest_until


def _keys(about: Holding) -> tuple[str, str]:
    return view_names.row(about.tenant_id, about.run_id), view_names.lease(about.tenant_id, about.run_id)
