-- Puts jobs on the queue. Waiting and delayed jobs are left where they are; an active one is marked, and waits again once it is
-- settled, because its ring may tell of something that its handler has not seen. If the consumer that holds it is gone, it waits at once.
-- KEYS[1] base · ARGV: run, project, priority, flow ('': not known) for each job (at most 1,000 jobs)
-- Result: how many were new.
-- Cost: 2 commands (HSETNX, TIME) for one job and 3 (HMGET, HSET, TIME) for more, 1 a list; 3 more when a list was empty. O(jobs).

local runs, known, new, seen, alone = {}, nil, 0, {}, #ARGV == 4
if alone and redis.call('HSETNX', base .. 'jobs', ARGV[1], 'w') == 1 then
  runs, known = { ARGV[1] }, { false }
else
  alone = false
  for i = 1, #ARGV, 4 do
    runs[#runs + 1] = ARGV[i]
  end
  known = redis.call('HMGET', base .. 'jobs', unpack(runs))
end

local rung = false
for i, state in ipairs(known) do
  local run = runs[i]
  local kind = seen[run] and 'w' or state and string.sub(state, 1, 1)
  seen[run] = true
  if not kind then
    new = new + 1
    local flow = ARGV[i * 4]
    wait(run, ARGV[i * 4 - 1], ARGV[i * 4 - 2], 0, flow == '' and stamp() or stamp() .. '-' .. flow)
  elseif kind == 'a' or kind == 'r' then
    local p, project, deliveries, since, consumer = parse(state)
    local lease = redis.call('ZSCORE', base .. 'leases', consumer)
    if lease and tonumber(lease) >= now() then
      set(run, 'r' .. string.sub(state, 2))
      rung = rung or kind == 'a'
    else
      wait(run, p, project, deliveries, since, true)
    end
  end
end

if alone then
  states = {} -- it has its state
end
local added = write()

-- A consumer with free slots has emptied the ring before it went to sleep, but for projects that are paused or at their limit. So only
-- the first to come into the ring wakes them. A run that is rung for while it is held wakes its consumer, which may have put off settling it.
if rung or added > 0 and (redis.call('ZCARD', base .. 'ring') == added or redis.call('EXISTS', base .. 'limits') == 1) then
  redis.call('PUBLISH', base .. 'wake', '')
end
return new
