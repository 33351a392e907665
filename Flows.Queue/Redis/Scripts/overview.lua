-- Who holds what, and what nobody could handle. Reads only, for a page.
-- KEYS[1] base · ARGV[1] the most entries of each kind
-- Result: now in ms; {consumer, ms of its lease's end, jobs held}; {run, state}; dead letters as they are stored; {project, limit}
-- Cost: 4 commands and 2 a consumer.

local most = tonumber(ARGV[1])
local consumers, active = {}, {}
local leases = redis.call('ZRANGE', base .. 'leases', 0, most - 1, 'WITHSCORES')
for i = 1, #leases, 2 do
  local key = base .. 'active:' .. leases[i]
  local runs, held, seen = redis.call('HVALS', key), 0, {}
  for first = 1, #runs, 1000 do
    for j, state in ipairs(redis.call('HMGET', base .. 'jobs', unpack(runs, first, math.min(first + 999, #runs)))) do
      local run = runs[first + j - 1]
      if state and not seen[run] and select(5, parse(state)) == leases[i] then
        seen[run] = true
        held = held + 1
        if #active < most * 2 then
          active[#active + 1] = run
          active[#active + 1] = state
        end
      end
    end
  end
  consumers[#consumers + 1] = leases[i]
  consumers[#consumers + 1] = leases[i + 1]
  consumers[#consumers + 1] = held
end
return {
  stamp(), consumers, active,
  redis.call('LRANGE', base .. 'dead', 0, most - 1), redis.call('HGETALL', base .. 'limits'),
}
