-- What is on the queue. Reads only.
-- KEYS[1] base
-- Result: active, delayed, dead, now in ms, {field, count} of the rates, jobs of paused flows, then p:project, length, ms since when its head waits, for each list that is not empty.
-- Cost: 8 commands, 2 a list and 1 a paused flow.

local ring = redis.call('ZRANGE', base .. 'ring', 0, -1)
local delayed = redis.call('ZCARD', base .. 'delayed')
local active = redis.call('HLEN', base .. 'jobs') - redis.call('HEXISTS', base .. 'jobs', '*') - delayed
local result = { 0, delayed, redis.call('LLEN', base .. 'dead'), stamp(), redis.call('HGETALL', base .. 'rates'), 0 }
for _, flow in ipairs(redis.call('SMEMBERS', base .. 'parked')) do
  result[6] = result[6] + redis.call('LLEN', base .. 'parked:' .. flow)
end
active = active - result[6]
for _, list in ipairs(ring) do
  local length = redis.call('LLEN', base .. 'list:' .. list)
  local head = redis.call('LINDEX', base .. 'list:' .. list, 0)
  active = active - length
  result[#result + 1] = list
  result[#result + 1] = length
  result[#result + 1] = head and string.match(head, ':(%d+)%-?%x*$') or stamp()
end
result[1] = math.max(0, active)
return result
