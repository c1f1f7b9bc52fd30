"""What is asked of leases at one moment is one script call: a command for each cost more than what it did."""

from collections.abc import Sequence
from typing import Any

import msgpack  # type: ignore[import-untyped]  # it ships no types

from jobforge.chassis.redis_line import Command, RedisLine
from jobforge.chassis.redis_together import Script

MOST = 128
"""Questions in one call: about a millisecond in which Redis does nothing else."""

LEASES = Script(
    """
-- ARGV[1], as MessagePack: a list of questions, each a kind and its words: row, lease, claim, lease ms, count kept ms.
-- Their keys are not declared, which Redis Cluster alone would need.
-- A lease is 'starts:till:holder'; the answers are in the order of the questions, an error for one that failed.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function hold(lease, count, till, claim, kept)
  redis.call('SET', lease, string.format('%d:%d:%s', count, till, claim), 'PX', kept)
end
local function answer(kind, row, lease, claim, ms, kept)
  local value
  if kind == 'held' then
    value = redis.call('MGET', lease)[1]  -- what is no string is no lease to who only looks
  else
    value = redis.call('GET', lease)
  end
  local count, till, holder = string.match(value or '', '^(%d+):(%d+):(.*)$')
  count, till = tonumber(count) or 0, tonumber(till) or 0
  if kind == 'held' then return till > now and 1 or 0 end
  if kind == 'ended' or kind == 'back' then
    if holder ~= claim then return 0 end
    if kind == 'ended' or count < 2 then return redis.call('DEL', lease) end
    hold(lease, count - 1, 0, '', kept)
    return 1
  end
  local taken = till > now and holder ~= claim
  if kind == 'renew' then
    if taken then return 'lost' end
    hold(lease, math.max(count, 1), now + ms, claim, kept)
    return redis.call('HEXISTS', row, 'cancel') == 1 and 'cancel' or 'ok'
  end
  local known, seen = redis.call('EXISTS', row), {}
  if known == 1 then
    if redis.call('HEXISTS', row, 'manifest') == 1 then return {'ended', 1, 0, 0, ''} end
    seen = redis.call('HMGET', row, 'cancel', 'starts')
  end
  if taken then return {'held', 1, 0, 0, ''} end
  if holder ~= claim then count = count + 1 end
  hold(lease, count, now + ms, claim, kept)
  return {seen[1] and 'cancel' or 'free', known, count - 1, count, seen[2] or ''}
end
local answers = {}
for i, question in ipairs(cmsgpack.unpack(ARGV[1])) do
  local fine, found = pcall(answer, unpack(question))
  answers[i] = fine and found or {err = found}
end
return answers
"""
)


class LeaseLine:
    """A line that puts questions, as many as ``MOST``, into one call."""

    def __init__(self, line: RedisLine) -> None:
        self._line = line
        self._pack = msgpack.Packer().pack  # one for all: each brings a buffer of its own

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """The answer to each question, a ``RedisError`` if that one failed; raises ``RedisError`` or ``OSError``."""
        calls = [(self._pack(commands[at : at + MOST]),) for at in range(0, len(commands), MOST)]
        return [answer for answers in await LEASES.call_each(self._line, (), calls) for answer in answers]

    async def close(self) -> None:
        """Disconnect."""
        await self._line.close()
