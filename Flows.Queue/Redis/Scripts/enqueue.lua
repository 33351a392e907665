-- Puts jobs on the queue. Waiting and delayed jobs are left where they are; an active one is marked, and waits again once it is
-- settled, because its ring may tell of something that its handler has not seen. If the consumer that holds it is gone, it waits at once.
-- KEYS[1] base · ARGV: run, project, priority for each job (at most 1,000 jobs)
-- Result: how many were new.
-- Cost: 3 commands (TIME, HMGET, HSET) a call, 1 a list, and 3 more when a list was empty. O(jobs).

local runs = {}
for i = 1, #ARGV, 3 do
  runs[#runs + 1] = ARGV[i]
end

local new, seen = 0, {}
for i, state in ipairs(redis.call('HMGET', base .. 'jobs', unpack(runs))) do
  local run = runs[i]
  local kind = state and string.sub(state, 1, 1)
  if seen[run] then
    kind = 'w'
  end
  seen[run] = true
  if not kind then
    new = new + 1
    wait(run, ARGV[i * 3], ARGV[i * 3 - 1], 0, string.format('%.0f', now))
  elseif kind == 'a' or kind == 'r' then
    local p, project, deliveries, since, consumer = parse(state)
    local lease = redis.call('ZSCORE', base .. 'leases', consumer)
    if lease and tonumber(lease) >= now then
      set(run, 'r' .. string.sub(state, 2))
    else
      redis.call('SREM', base .. 'active:' .. consumer, run)
      wait(run, p, project, deliveries, since, true)
    end
  end
end

-- A consumer with free slots has emptied the ring before it went to sleep. So only the first to come into an empty ring wakes them.
local added = write()
if added > 0 and redis.call('ZCARD', base .. 'ring') == added then
  redis.call('PUBLISH', base .. 'wake', '')
end
return new
