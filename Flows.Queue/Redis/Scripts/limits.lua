-- Says anew how many jobs of a project may be in work at a time. Replaces what was said before.
-- KEYS[1] base · ARGV: project, limit for each project that has one (0: paused; project '*': all others); at most 10,000
-- Result: nothing. Cost: 3 commands, 1 more when there are limits, and one for each 500 projects; 1 more when jobs wait.

redis.call('DEL', base .. 'limits')
redis.call('HDEL', base .. 'jobs', '*')
if #ARGV > 0 then
  call_all('HSET', base .. 'limits', ARGV)
  redis.call('HSET', base .. 'jobs', '*', 1)
end
if redis.call('EXISTS', base .. 'ring') == 1 then
  redis.call('PUBLISH', base .. 'wake', '') -- some may go on
end
