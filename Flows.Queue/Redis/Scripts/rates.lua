-- Adds to the counters of minutes and hours. What is older than an hour, or a week, is dropped when a new period begins.
-- KEYS[1] base · ARGV: minute since 1970, enqueued, finished, failed for each minute (at most 60)
-- Result: nothing. Cost: 2 commands for each counter that is not 0, 2 more at the beginning of a minute.

local key, latest, isNew = base .. 'rates', 0, false
for i = 1, #ARGV, 4 do
  local minute = tonumber(ARGV[i])
  latest = math.max(latest, minute)
  for _, period in ipairs({ 'm' .. ARGV[i], string.format('h%.0f', math.floor(minute / 60)) }) do
    for j, kind in ipairs({ 'e', 'f', 'x' }) do
      local count = tonumber(ARGV[i + j])
      if count > 0 and redis.call('HINCRBY', key, period .. kind, count) == count then
        isNew = true
      end
    end
  end
end
if isNew then
  local old = {}
  for _, field in ipairs(redis.call('HKEYS', key)) do
    local unit, number = string.match(field, '^(%a)(%d+)')
    if unit == 'm' and tonumber(number) <= latest - 60 or unit == 'h' and tonumber(number) <= math.floor(latest / 60) - 168 then
      old[#old + 1] = field
    end
  end
  call_all('HDEL', key, old)
end
