-- Put in front of every other script: how a job is stored, and the ways it moves.
--
-- KEYS[1]              base, e.g. flows:{q0}:  Every key of a shard starts with it; its hash tag keeps them in one slot.
-- <base>jobs           hash, run -> state:  'w'                                             waiting
--                                           'd' p:project:deliveries:since                  delayed
--                                           'a' p:project:deliveries:since:consumer         active: delivered, not settled
--                                           'r' like 'a'                                    active, and rung for again meanwhile
--                      and '*' -> 1 while there are limits, which saves a settling turn from asking for them
-- <base>list:p:project list of run:deliveries:since, the next one at the head; since is the millisecond, then '-' and the flow if it is known
-- <base>ring           sorted set of p:project; exactly the lists that are not empty, the next in turn first
-- <base>delayed        sorted set of runs by the millisecond they are due
-- <base>leases         sorted set of consumers by the millisecond their lease ends
-- <base>active:consumer  hash, place -> run: what a consumer holds. A settled run stays in its place until another is put there or the next
--                      renewal, so it counts only when its state still names the consumer
-- <base>limits         hash, project -> how many of its jobs may be in work at a time; 0: paused; '*': what holds for all others;
--                      flow:<flow> -> 0 for each flow that is paused, and then 'flows' -> 1
-- <base>parked:flow    list of p:project:run:deliveries:since, of paused flows: what was taken from the lists instead of being delivered
-- <base>parked         set of the flows that have such a list
-- <base>held:project   set of runs, of projects with a limit: all that are in work and perhaps some that are not any more
-- <base>dead           list of p:project:run:deliveries:millisecond, newest first, at most 1,000
-- <base>rates          hash, of the first shard only: m<minute> or h<hour since 1970>, then e (enqueued), f (finished) or x (failed) -> how many
-- p is the priority, one digit, 0 first. Runs and projects are 32 hexadecimal digits. Times are Redis's own clock.
--
-- Redis at its memory limit refuses a script whose first write could grow memory, and lets any other run to its end. So whatever
-- frees memory (settling, taking) begins with a removal and goes on working, and an enqueue is refused before it has changed anything.

local base = KEYS[1]

-- Asked once, and only by what needs it: a turn that takes and settles without a delay needs no time.
local clock, millis
local function now()
  if not clock then
    clock = redis.call('TIME')
    millis = clock[1] * 1000 + math.floor(clock[2] / 1000)
  end
  return millis
end

local function stamp()
  return string.format('%.0f', now())
end

-- A priority's lists take turns in the order of their score: priority * 2^51 + microseconds of the last turn. Doubles hold it until 2041.
local turns = 0
local function turn(p, first)
  turns = turns + 1
  return string.format('%.0f', p * 2251799813685248 + (first and turns or now() and clock[1] * 1000000 + clock[2] + turns))
end

local function parse(state)
  local p, project, deliveries, since, consumer = string.match(state, '^.(%d):(%x+):(%d+):([%x%-]+):?(.*)$')
  return p, project, tonumber(deliveries), since, consumer
end

-- Writes are collected and made at the end, one command for each kind of change.
local states, forgotten, delays, backs, fronts, touched, burials = {}, {}, {}, {}, {}, {}, {}
local soonest -- when the first of the delays is due

local function forget(run)
  forgotten[#forgotten + 1] = run
end

local function set(run, state)
  states[#states + 1] = run
  states[#states + 1] = state
end

-- At the front a job keeps its place before everything that waits; a consumer that died or is leaving gives its jobs back so.
local function wait(run, p, project, deliveries, since, front)
  set(run, 'w')
  local list = p .. ':' .. project
  touched[list] = touched[list] or front and 'front' or 'back'
  local ends = front and fronts or backs
  ends[list] = ends[list] or {}
  -- LPUSH turns its arguments round.
  table.insert(ends[list], front and 1 or #ends[list] + 1, run .. ':' .. deliveries .. ':' .. since)
end

local function delay(run, p, project, deliveries, since, due)
  set(run, 'd' .. p .. ':' .. project .. ':' .. deliveries .. ':' .. since)
  delays[#delays + 1] = string.format('%.0f', due)
  delays[#delays + 1] = run
  soonest = math.min(soonest or due, due)
end

local function bury(run, p, project, deliveries)
  forget(run)
  burials[#burials + 1] = p .. ':' .. project .. ':' .. run .. ':' .. deliveries .. ':' .. stamp()
end

-- Lua passes at most some thousand arguments to one call.
local function call_all(command, key, arguments)
  for first = 1, #arguments, 1000 do
    redis.call(command, key, unpack(arguments, first, math.min(first + 999, #arguments)))
  end
end

-- Returns how many lists were empty before.
local function write()
  call_all('HDEL', base .. 'jobs', forgotten)
  call_all('HSET', base .. 'jobs', states)
  call_all('ZADD', base .. 'delayed', delays)
  if #burials > 0 then
    call_all('LPUSH', base .. 'dead', burials)
    redis.call('LTRIM', base .. 'dead', 0, 999)
  end
  local added = {}
  for list, where in pairs(touched) do
    local key, pushed, length = base .. 'list:' .. list, 0, 0
    for _, ends in ipairs({ { 'LPUSH', fronts[list] }, { 'RPUSH', backs[list] } }) do
      local entries = ends[2]
      for first = 1, entries and #entries or 0, 1000 do
        local last = math.min(first + 999, #entries)
        length = redis.call(ends[1], key, unpack(entries, first, last))
        pushed = pushed + last - first + 1
      end
    end
    if length == pushed then
      added[#added + 1] = turn(string.sub(list, 1, 1), where == 'front')
      added[#added + 1] = list
    end
  end
  call_all('ZADD', base .. 'ring', added)
  return #added / 2
end

-- Takes everything from a consumer and puts it at the front. What was delivered too often is buried.
local function release(consumer, most)
  local runs = redis.call('HVALS', base .. 'active:' .. consumer)
  redis.call('DEL', base .. 'active:' .. consumer)
  redis.call('ZREM', base .. 'leases', consumer)
  local seen = {}
  for first = 1, #runs, 1000 do
    local some = { unpack(runs, first, math.min(first + 999, #runs)) }
    for i, state in ipairs(redis.call('HMGET', base .. 'jobs', unpack(some))) do
      if state and not seen[some[i]] then
        local p, project, deliveries, since, owner = parse(state)
        if owner == consumer then
          seen[some[i]] = true
          if deliveries >= most then
            bury(some[i], p, project, deliveries)
          else
            wait(some[i], p, project, deliveries, since, true)
          end
        end
      end
    end
  end
end
