"""The Lua that makes the view's steps atomic; it runs on Redis 7.0 and on Valkey 9."""

APPLY = """
-- KEYS[1] watermarks. ARGV: field, watermark before ('' for none), watermark after, channel, changed rows,
-- and the commands as MessagePack: a list of mode and words for each. One packed argument costs a tenth of many.
local held = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if held ~= ARGV[2] then return {0, held} end
local first = false
for _, command in ipairs(cmsgpack.unpack(ARGV[6])) do
  local mode = command[1]
  if mode ~= 'if' or first then
    local answer = redis.call(unpack(command, 2))
    if mode == 'first' then first = answer == 1 end
  end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('PUBLISH', ARGV[4], ARGV[1] .. ' ' .. ARGV[3] .. ARGV[5])
return {1, ARGV[3]}
"""
"""One batch of one partition: all of it and the watermark, or nothing and the watermark that is held instead."""

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
