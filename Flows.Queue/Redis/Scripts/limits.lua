-- Says anew how many jobs of a project may be in work at a time. Replaces what was said before.
-- KEYS[1] base · ARGV: project, limit for each project that has one (0: paused; project '*': all others;
--     flow:<flow>, 0 for a flow that is paused, and then flows, 1); at most 10,000
-- Result: how many jobs of flows that are not paused any more are still laid aside: a thousand go back to the front in one call.
-- Cost: 4 commands, 1 more when there are limits, and one for each 500 of them; 2 for each flow that has jobs aside; 5 when some go back.

redis.call('DEL', base .. 'limits')
redis.call('HDEL', base .. 'jobs', '*')
if #ARGV > 0 then
  call_all('HSET', base .. 'limits', ARGV)
  redis.call('HSET', base .. 'jobs', '*', 1)
end
local left, room = 0, 1000
for _, flow in ipairs(redis.call('SMEMBERS', base .. 'parked')) do
  if redis.call('HEXISTS', base .. 'limits', 'flow:' .. flow) == 0 then
    local key = base .. 'parked:' .. flow
    -- From the end: what comes to the front later was there earlier.
    local entries = room > 0 and redis.call('RPOP', key, room) or {}
    for i = #entries, 1, -1 do
      local p, project, run, deliveries, since = string.match(entries[i], '^(%d):(%x+):(%x+):(%d+):([%x%-]+)$')
      wait(run, p, project, tonumber(deliveries), since, true)
    end
    room = room - #entries
    local length = redis.call('LLEN', key)
    left = left + length
    if length == 0 then
      redis.call('SREM', base .. 'parked', flow)
    end
  end
end
write()
if redis.call('EXISTS', base .. 'ring') == 1 then
  redis.call('PUBLISH', base .. 'wake', '') -- some may go on
end
return left
