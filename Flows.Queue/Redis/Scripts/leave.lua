-- A consumer goes: everything it still holds goes back to the front and others are woken.
-- KEYS[1] base · ARGV[1] consumer  [2] deliveries after which a job is buried
-- Result: nothing. Cost: 3 commands (HVALS, DEL, ZREM); 5 more when something goes back.

release(ARGV[1], tonumber(ARGV[2]))
if next(states) then
  write()
  redis.call('PUBLISH', base .. 'wake', '')
end
