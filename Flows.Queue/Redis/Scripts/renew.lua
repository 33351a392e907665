-- Extends a consumer's lease, and squares accounts: a run that Redis holds for the consumer and the consumer does not know of
-- (the answer of a turn was lost on its way) goes back to the front. Never sent while a turn of the same consumer is under way.
-- KEYS[1] base · ARGV[1] consumer  [2] its lease in ms  [3…] every run it holds
-- Result: how many runs went back.
-- Cost: 4 commands (TIME, ZREM, ZADD, HGETALL); 2 more when places are to be cleared, 4 more when something goes back.

local consumer = ARGV[1]
redis.call('ZREM', base .. 'leases', consumer) -- first, so that a full Redis lets the script run
redis.call('ZADD', base .. 'leases', string.format('%.0f', now() + tonumber(ARGV[2])), consumer)

local known = {}
for i = 3, #ARGV do
  known[ARGV[i]] = true
end
local places, runs, lost = {}, {}, 0
local held = redis.call('HGETALL', base .. 'active:' .. consumer)
for i = 1, #held, 2 do
  if not known[held[i + 1]] then
    known[held[i + 1]] = true
    runs[#runs + 1] = held[i + 1]
    places[#places + 1] = held[i]
  end
end
call_all('HDEL', base .. 'active:' .. consumer, places)
for first = 1, #runs, 1000 do
  for i, state in ipairs(redis.call('HMGET', base .. 'jobs', unpack(runs, first, math.min(first + 999, #runs)))) do
    if state then
      local p, project, deliveries, since, owner = parse(state)
      if owner == consumer then
        lost = lost + 1
        wait(runs[first + i - 1], p, project, deliveries - 1, since, true)
      end
    end
  end
end
if lost > 0 then
  write()
  redis.call('PUBLISH', base .. 'wake', '')
end
return lost
