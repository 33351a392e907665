-- Who holds what, and what nobody could handle. Reads only, for a page.
-- KEYS[1] base · ARGV[1] the most entries of each kind
-- Result: now in ms; {consumer, ms of its lease's end, jobs held}; {run, state}; dead letters as they are stored; {project, limit}
-- Cost: 5 commands and 3 a consumer.

local most = tonumber(ARGV[1])
local consumers, active = {}, {}
local leases = redis.call('ZRANGE', base .. 'leases', 0, most - 1, 'WITHSCORES')
for i = 1, #leases, 2 do
  local key = base .. 'active:' .. leases[i]
  consumers[#consumers + 1] = leases[i]
  consumers[#consumers + 1] = leases[i + 1]
  consumers[#consumers + 1] = redis.call('SCARD', key)
  local left = most - #active / 2
  local runs = left > 0 and redis.call('SRANDMEMBER', key, left) or {}
  for j, state in ipairs(#runs > 0 and redis.call('HMGET', base .. 'jobs', unpack(runs)) or {}) do
    if state then
      active[#active + 1] = runs[j]
      active[#active + 1] = state
    end
  end
end
return {
  string.format('%.0f', now), consumers, active,
  redis.call('LRANGE', base .. 'dead', 0, most - 1), redis.call('HGETALL', base .. 'limits'),
}
