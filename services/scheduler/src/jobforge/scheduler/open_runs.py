"""The unfinished runs as Redis holds them: which are due for a look, their rows, and when to look again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis

from jobforge.chassis.view_names import WATERMARKS, open_runs, row
from jobforge.contracts.identity import parse_run_key
from jobforge.scheduler.rows import FIELDS, OpenRun
from jobforge.scheduler.verdicts import Republished

SEEN = "jobforge:scheduler:seen"
"""Whatever the first look wrote; another value means that Redis was emptied since."""
REMEMBERED = timedelta(days=1)
"""How long the number of times that a request was put back is kept."""

_MOVE_ON = """
-- KEYS: open runs. ARGV: for each member its name, the score it was seen with, and the new one.
-- A score that changed meanwhile stays: somebody wants the run looked at.
for i = 1, #ARGV, 3 do
  local held = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if held and tonumber(held) == tonumber(ARGV[i + 1]) then
    redis.call('ZADD', KEYS[1], 'XX', ARGV[i + 2], ARGV[i])
  end
end
"""


@dataclass(frozen=True, slots=True)
class Member:
    """An open run that is due for a look: its name in the set, and the score it was seen with."""

    name: str
    score: float


@dataclass(frozen=True, slots=True)
class Glance:
    """What says whether Redis is what it was: see ``Trust``."""

    token: str
    watermarks: Mapping[str, int]


class OpenRuns:
    """Every method raises ``RedisError`` or ``OSError`` while Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._move_on = redis.register_script(_MOVE_ON)

    async def glance(self) -> Glance:
        """The token, written if it is not there, and all watermarks."""
        fresh = uuid4().hex
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(SEEN, fresh, nx=True, get=True)
            pipe.hgetall(WATERMARKS)
            answer: list[Any] = await pipe.execute()
        held, marks = answer
        return Glance(
            fresh if held is None else held.decode(), {field.decode(): int(at) for field, at in marks.items()}
        )

    async def due(self, partition: int, now: datetime, most: int) -> list[Member]:
        """Runs whose time to be looked at has come, longest overdue first."""
        found: Any = await self._redis.zrangebyscore(
            open_runs(partition), "-inf", _millis(now), start=0, num=most, withscores=True
        )
        return [Member(name.decode(errors="replace"), score) for name, score in found]

    async def rows(self, members: Sequence[Member]) -> list[OpenRun | None]:
        """The row of each member; None for a name that names no run."""
        keys = [parse_run_key(member.name.encode()) for member in members]
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in keys:
                if key is not None:
                    pipe.hmget(row(*key), FIELDS)
            answers = iter(await pipe.execute() if len(pipe) else [])
        return [None if key is None else OpenRun.of(*key, next(answers)) for key in keys]

    async def forget(self, partition: int, members: Sequence[Member]) -> None:
        """These need no more looks."""
        if members:
            await self._redis.zrem(open_runs(partition), *(member.name for member in members))

    async def look_again(self, partition: int, times: Sequence[tuple[Member, datetime]]) -> None:
        """Look at each of these then, unless somebody has asked for a look meanwhile."""
        if times:
            words = [word for member, at in times for word in (member.name, repr(member.score), _millis(at))]
            await self._move_on(keys=[open_runs(partition)], args=words)

    async def republished(self, members: Sequence[Member]) -> list[Republished]:
        """How often the request of each was put back."""
        if not members:
            return []
        held: list[Any] = await self._redis.mget([_put_back(member.name) for member in members])
        return [_read(value) for value in held]

    async def remember(self, member: Member, republished: Republished) -> None:
        """Note that the member's request was put back."""
        value = f"{republished.count}:{_millis(republished.until)}"
        await self._redis.set(_put_back(member.name), value, ex=REMEMBERED)


def _put_back(name: str) -> str:
    return f"jobforge:scheduler:put-back:{name}"


def _read(value: bytes | None) -> Republished:
    count, _, until = (value or b"").partition(b":")
    if not (count.isdigit() and until.isdigit()):
        return Republished()
    return Republished(int(count), datetime.fromtimestamp(int(until) / 1000, UTC))


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)
