"""The Lua that makes the view's steps atomic; it runs on Redis 7.0 and on Valkey 9."""

APPLY = """
-- KEYS[1] watermarks. ARGV: channel, the caller's own channel, then the steps as MessagePack (one packed argument costs
-- a tenth of many). A step: watermark's field, watermark before ('' for none), watermark after, fields taken to be
-- absent (row, field, row, ...), rows taken to be nowhere, changed rows, and commands: a list of mode and words each.
local function mistaken(absent, nowhere)
  if #nowhere > 0 and redis.call('EXISTS', unpack(nowhere)) > 0 then return true end
  for i = 1, #absent, 2 do
    if redis.call('HEXISTS', absent[i], absent[i + 1]) == 1 then return true end
  end
  return false
end
local answers, told = {}, {}
for i, step in ipairs(cmsgpack.unpack(ARGV[3])) do
  local field, before, after, absent, nowhere, changed, commands = unpack(step)
  local held = redis.call('HGET', KEYS[1], field) or ''
  if held ~= before then
    answers[i] = {'gap', held}
  elseif mistaken(absent, nowhere) then
    answers[i] = {'mistaken', held}
  else
    local first = false
    for _, command in ipairs(commands) do
      local mode = command[1]
      if mode ~= 'if' or first then
        local answer = redis.call(unpack(command, 2))
        if mode == 'first' then first = answer == 1 end
      end
    end
    redis.call('HSET', KEYS[1], field, after)
    told[#told + 1] = field .. ' ' .. after .. changed
    answers[i] = {'done', after}
  end
end
if #told > 0 then
  local listeners = redis.call('PUBSUB', 'NUMSUB', ARGV[1], ARGV[2])
  if listeners[2] > listeners[4] then redis.call('PUBLISH', ARGV[1], table.concat(told, '\\n')) end
end
return answers
"""
"""Batches of some partitions. Of each all of it and the watermark, or nothing and the watermark that is held.

What was applied is announced if anybody but the caller listens, who knows it already."""

READ = """
-- KEYS: watermarks, row. ARGV: how many watermarks, their fields, then the row's fields.
local count = tonumber(ARGV[1])
return {
  redis.call('HMGET', KEYS[1], unpack(ARGV, 2, 1 + count)),
  redis.call('HMGET', KEYS[2], unpack(ARGV, 2 + count)),
}
"""
"""A row and the watermarks it was read at, at one moment."""

SCAN = """
-- KEYS: watermarks, index. ARGV: after this member ('' for the newest), how many, what rows are named by, order,
-- then the fields wanted of each row.
local found
if ARGV[4] == 'newest' then
  local from = ARGV[1] == '' and '+' or '(' .. ARGV[1]
  found = redis.call('ZRANGE', KEYS[2], from, '-', 'BYLEX', 'REV', 'LIMIT', 0, ARGV[2])
else
  local from = ARGV[1] == '' and '-' or '(' .. ARGV[1]
  found = redis.call('ZRANGE', KEYS[2], from, '+', 'BYLEX', 'LIMIT', 0, ARGV[2])
end
local rows = {}
for i, member in ipairs(found) do
  local row = ARGV[3] .. string.match(member, '^[^:]*:(.*)$')
  if redis.call('EXISTS', row) == 0 then redis.call('ZREM', KEYS[2], member) end
  rows[i] = {member, redis.call('HMGET', row, unpack(ARGV, 5))}
end
return {redis.call('HGETALL', KEYS[1]), rows}
"""
"""A stretch of an index with its rows and all watermarks, at one moment; what names a row let go is let go too."""
