-- Takes one letter from the dead ones: to the back of its project's list, as if it had never been delivered, or away for good.
-- KEYS[1] base · ARGV[1] requeue | discard  [2] the entry as overview.lua gave it
-- Result: 1, or 0 when it is not there any more. Cost: 2 commands; requeueing 6 more.

if redis.call('LREM', base .. 'dead', 1, ARGV[2]) == 0 then
  return 0
end
local p, project, run = string.match(ARGV[2], '^(%d):(%x+):(%x+):')
-- It may have been rung for again since: then it is on the queue already.
if ARGV[1] == 'requeue' and redis.call('HEXISTS', base .. 'jobs', run) == 0 then
  wait(run, p, project, 0, stamp())
  write()
  redis.call('PUBLISH', base .. 'wake', '')
end
return 1
