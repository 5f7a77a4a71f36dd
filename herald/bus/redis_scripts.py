"""The three pieces of Redis Streams that must be atomic, as Lua.

Entry ids are dense: ``N-0``, ``N+1-0``, … So what a group has not read is a subtraction, exact on every version of
Redis (``XINFO GROUPS`` tells a lag only from version 7, and not always). The first number of a topic is the server's
time in milliseconds, so ids stay unique when a server lost its data and starts anew.
"""

from __future__ import annotations

from typing import Final

_FIELDS: Final = """
local function field(list, name)
  for i = 1, #list, 2 do if list[i] == name then return list[i + 1] end end
end
local function number_of(id) return tonumber(string.match(id, '^(%d+)')) end
"""

# KEYS: stream, counter, memory of the last batch of this producer
# ARGV: batch, life of the memory in ms, retained, length_max, then key, value, mark of each message
# Returns {0, length} when appended (or appended already), {1, length, group} when a group holds the topic full.
APPEND: Final = (
    _FIELDS
    + """
local stream, counter, memory = KEYS[1], KEYS[2], KEYS[3]
local retained, length_max = tonumber(ARGV[3]), tonumber(ARGV[4])
local length = redis.call('XLEN', stream)
if redis.call('GET', memory) == ARGV[1] then return {0, length} end
local count = (#ARGV - 4) / 3

if redis.call('EXISTS', counter) == 0 then
  local last = 0
  if redis.call('EXISTS', stream) == 1 then
    last = number_of(field(redis.call('XINFO', 'STREAM', stream), 'last-generated-id'))
  end
  if last == 0 then
    local now = redis.call('TIME')
    last = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
  end
  redis.call('SET', counter, string.format('%.0f', last))
end

if length > 0 and length + count > retained + math.floor(retained / 10) then
  local floor, slowest = tonumber(redis.call('GET', counter)) + 1, ''
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local needed = number_of(field(group, 'last-delivered-id')) + 1
    if field(group, 'pending') > 0 then
      needed = number_of(redis.call('XPENDING', stream, field(group, 'name'))[2])
    end
    if needed < floor then floor, slowest = needed, field(group, 'name') end
  end
  local kept_from = tonumber(redis.call('GET', counter)) + count - retained + 1
  redis.call('XTRIM', stream, 'MINID', '~', string.format('%.0f-0', math.min(floor, kept_from)))
  length = redis.call('XLEN', stream)
  if length + count > length_max then return {1, length, slowest} end
end

for i = 5, #ARGV, 3 do
  local id = redis.call('INCR', counter)
  local entry = string.format('%.0f-0', id)
  if ARGV[i + 2] == '' then
    redis.call('XADD', stream, entry, 'k', ARGV[i], 'v', ARGV[i + 1])
  else
    redis.call('XADD', stream, entry, 'k', ARGV[i], 'v', ARGV[i + 1], 'm', ARGV[i + 2])
  end
end
redis.call('SET', memory, ARGV[1], 'PX', ARGV[2])
return {0, length + count}
"""
)

# KEYS: stream. ARGV: group. Returns the number of entries that the group has not acknowledged.
BACKLOG: Final = (
    _FIELDS
    + """
local stream = KEYS[1]
if redis.call('EXISTS', stream) == 0 then return 0 end
local length = redis.call('XLEN', stream)
for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  if field(group, 'name') == ARGV[1] then
    if length == 0 then return field(group, 'pending') end
    local first = number_of(redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1][1])
    local last = number_of(redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1][1])
    local read = math.max(number_of(field(group, 'last-delivered-id')), first - 1)
    return math.max(0, last - read) + field(group, 'pending')
  end
end
return length
"""
)

# KEYS: lease. ARGV: token (member, newline, incarnation), member, life in ms, 1 to take over from the same member.
# Returns 1 where the lease is held by this token now.
LEASE: Final = """
local owner = redis.call('GET', KEYS[1])
local own_past = owner and ARGV[4] == '1' and string.sub(owner, 1, #ARGV[2] + 1) == ARGV[2] .. '\\n'
if not owner or owner == ARGV[1] or own_past then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
  return 1
end
return 0
"""

# KEYS: lease. ARGV: token.
RELEASE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
