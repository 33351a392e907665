-- Extends a consumer's lease, and squares accounts: a run that Redis holds for the consumer and the consumer does not know of
-- (the answer of a turn was lost on its way) goes back to the front. Never sent while a turn of the same consumer is under way.
-- KEYS[1] base · ARGV[1] consumer  [2] its lease in ms  [3…] every run it holds
-- Result: how many runs went back.
-- Cost: 4 commands (TIME, ZREM, ZADD, SMEMBERS); 4 more when something goes back.

local consumer = ARGV[1]
redis.call('ZREM', base .. 'leases', consumer) -- first, so that a full Redis lets the script run
redis.call('ZADD', base .. 'leases', string.format('%.0f', now + tonumber(ARGV[2])), consumer)

local known = {}
for i = 3, #ARGV do
  known[ARGV[i]] = true
end
local lost = {}
for _, run in ipairs(redis.call('SMEMBERS', base .. 'active:' .. consumer)) do
  if not known[run] then
    lost[#lost + 1] = run
  end
end
if #lost > 0 then
  redis.call('SREM', base .. 'active:' .. consumer, unpack(lost))
  for i, state in ipairs(redis.call('HMGET', base .. 'jobs', unpack(lost))) do
    if state then
      local p, project, deliveries, since, owner = parse(state)
      if owner == consumer then
        wait(lost[i], p, project, deliveries - 1, since, true)
      end
    end
  end
  write()
  redis.call('PUBLISH', base .. 'wake', '')
end
return #lost
