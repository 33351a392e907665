-- A consumer's turn: settles what it has finished, moves what is due, and takes new jobs, in one round trip.
-- KEYS[1] base
-- ARGV[1] consumer  [2] its lease in ms; 0: it has been extended lately  [3] deliveries after which a job is buried
--     [4] 1: look for consumers whose lease has ended  [5] 1: look for jobs that are due  [6] how many jobs it settles
--     [7…] run, deliveries, outcome, delay in ms for each of them. Outcomes:
--          done    forget it, unless it was rung for again: then it waits anew
--          later   the handler said not now: wait for the delay; the delivery does not count
--          failed  the handler threw: wait for the delay, or be buried
--          back    it was not started: to the front; the delivery does not count
--          A job that is no longer this consumer's, or was delivered again since, is left alone: its lease was lost.
--     […]  a free place for each job it wants
-- Result: ms until the next delayed job is due, as far as was looked or delayed here (-1: none); 1 when jobs wait whose projects are paused or
--         at their limit, 2 when there may be more to take; then run, project, priority, deliveries for each job taken, in the order of the places.
-- Cost: 1 command when there is nothing to do; settling 2 a call; taking 4 a call, 1 more when it settles nothing, 1 a list, and 1 or 2 more for a list that is not emptied,
--       5 a project that has a limit. Looking for ended leases, for due jobs and the lease 1 each and TIME.
--       O(jobs + lists visited + jobs in work of limited projects).

local consumer, lease, most, settling = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[6])
local places = 6 + settling * 4
local want = #ARGV - places

-- Settle.
local unlimited = false
if settling > 0 then
  local runs, stays = {}, nil
  for i = 1, settling do
    runs[i] = ARGV[3 + i * 4]
  end
  runs[settling + 1] = '*'
  local known = redis.call('HMGET', base .. 'jobs', unpack(runs))
  unlimited = not table.remove(known)
  for i, state in ipairs(known) do
    local at = 3 + i * 4
    local run, delivered, outcome, pause = runs[i], tonumber(ARGV[at + 1]), ARGV[at + 2], tonumber(ARGV[at + 3])
    local p, project, deliveries, since, owner
    if state then
      p, project, deliveries, since, owner = parse(state)
    end
    if owner == consumer and deliveries == delivered then
      if outcome == 'done' and string.sub(state, 1, 1) == 'a' then
        forget(run)
      else
        stays = run
        if outcome == 'done' then
          wait(run, p, project, 0, stamp() .. (string.match(since, '%-%x+$') or ''))
        elseif outcome == 'back' then
          wait(run, p, project, deliveries - 1, since, true)
        elseif outcome == 'later' then
          delay(run, p, project, deliveries - 1, since, now() + pause)
        elseif deliveries >= most then
          bury(run, p, project, deliveries)
        else
          delay(run, p, project, deliveries, since, now() + pause)
        end
      end
    end
  end
  if stays then
    redis.call('ZREM', base .. 'delayed', stays) -- is not in it: a removal comes first, so that a full Redis lets the script run
  end
end

if ARGV[4] == '1' then
  for _, ended in ipairs(redis.call('ZRANGEBYSCORE', base .. 'leases', '-inf', now(), 'LIMIT', 0, 4)) do
    if ended ~= consumer then
      release(ended, most)
    end
  end
end

-- Move what is due; at most 200 in one turn, so that a crowd due together never holds Redis for long.
local head = ARGV[5] == '1' and redis.call('ZRANGE', base .. 'delayed', 0, 0, 'WITHSCORES') or {}
if head[2] then
  local due = tonumber(head[2])
  soonest = math.min(soonest or due, due)
  if due <= now() then
    local runs = redis.call('ZRANGEBYSCORE', base .. 'delayed', '-inf', now(), 'LIMIT', 0, 200)
    redis.call('ZREM', base .. 'delayed', unpack(runs))
    for i, state in ipairs(redis.call('HMGET', base .. 'jobs', unpack(runs))) do
      if state and string.sub(state, 1, 1) == 'd' then
        local p, project, deliveries, since = parse(state)
        wait(runs[i], p, project, deliveries, since)
      end
    end
  end
end

local appeared = write()
states = {}

-- Take: the most urgent priority first; inside it the lists share what is wanted evenly, the next in turn taking the odd ones.
local taken, held, turned, emptied = {}, {}, {}, {}

-- How many more jobs a project may have in work. A limited project's are counted by the states of its jobs, so nothing has to be
-- counted down when one ends or its worker dies.
local room, parting = {}, false
local function ask_room(lists)
  if unlimited then
    for _, list in ipairs(lists) do
      room[string.sub(list, 3)] = math.huge
    end
    return
  end
  local projects = { '*', 'flows' }
  for _, list in ipairs(lists) do
    if not room[string.sub(list, 3)] then
      projects[#projects + 1] = string.sub(list, 3)
    end
  end
  local limits = redis.call('HMGET', base .. 'limits', unpack(projects))
  parting = limits[2]
  for i = 3, #projects do
    local project, limit = projects[i], tonumber(limits[i] or limits[1] or nil)
    room[project] = limit or math.huge
    if limit and limit > 0 then
      local runs, over = redis.call('SMEMBERS', base .. 'held:' .. project), {}
      for j, state in ipairs(#runs > 0 and redis.call('HMGET', base .. 'jobs', unpack(runs)) or {}) do
        local kind = state and string.sub(state, 1, 1)
        if kind ~= 'a' and kind ~= 'r' then
          over[#over + 1] = runs[j]
        end
      end
      call_all('SREM', base .. 'held:' .. project, over)
      room[project] = math.max(0, limit - #runs + #over)
    end
  end
end

-- Of what was taken from a list, what belongs to paused flows is laid aside until they are resumed; a thousand jobs in a turn at most.
local parked = 0
local function without_paused(list, entries)
  local fields, kept, apart = {}, {}, {}
  for i, entry in ipairs(entries) do
    fields[i] = 'flow:' .. (string.match(entry, '%-(%x+)$') or '')
  end
  if #fields == 0 then
    return entries
  end
  for i, paused in ipairs(redis.call('HMGET', base .. 'limits', unpack(fields))) do
    if paused then
      local flow = string.sub(fields[i], 6)
      apart[flow] = apart[flow] or {}
      table.insert(apart[flow], list .. ':' .. entries[i])
      parked = parked + 1
    else
      kept[#kept + 1] = entries[i]
    end
  end
  for flow, some in pairs(apart) do
    redis.call('RPUSH', base .. 'parked:' .. flow, unpack(some))
    redis.call('SADD', base .. 'parked', flow)
  end
  return kept
end

local function take(p, lists)
  while want > 0 and #lists > 0 and parked < 1000 do
    local share, odd, left = math.floor(want / #lists), want % #lists, {}
    for i, list in ipairs(lists) do
      local key, project = base .. 'list:' .. list, string.sub(list, 3)
      local count = math.min(share + (i <= odd and 1 or 0), room[project])
      if count > 0 then
        local entries, mine = redis.call('LPOP', key, count) or {}, {}
        local popped = #entries
        if parting then
          entries = without_paused(list, entries)
        end
        for j, entry in ipairs(entries) do
          local run, deliveries, since = string.match(entry, '^(%x+):(%d+):([%x%-]+)$')
          deliveries = deliveries + 1
          set(run, 'a' .. p .. ':' .. project .. ':' .. deliveries .. ':' .. since .. ':' .. consumer)
          mine[j] = run
          places = places + 1
          held[#held + 1] = ARGV[places]
          held[#held + 1] = run
          taken[#taken + 1] = run
          taken[#taken + 1] = project
          taken[#taken + 1] = p
          taken[#taken + 1] = deliveries
        end
        if room[project] < math.huge then
          call_all('SADD', base .. 'held:' .. project, mine)
          redis.call('EXPIRE', base .. 'held:' .. project, 90000) -- longer than any run; for limits that were taken away
          room[project] = room[project] - #entries
        end
        want = want - #entries
        if popped == count and redis.call('EXISTS', key) == 1 then
          turned[list] = true
          if room[project] > 0 then
            left[#left + 1] = list
          end
        else
          emptied[list] = true
        end
      end
    end
    lists = left
  end
end

-- As many lists as jobs are wanted, and more of them while projects that are paused or at their limit stand in front. They are taken out
-- of the ring, and those that still hold jobs are put back: at the end of their priority when it was their turn, else where they were.
local wanted, popped, blocked = want, {}, 0
while want > 0 and parked < 1000 do
  local ring, lists = redis.call('ZPOPMIN', base .. 'ring', wanted), {}
  if #ring == 0 then
    break
  end
  for i = 1, #ring, 2 do
    lists[#lists + 1] = ring[i]
    popped[#popped + 1] = ring[i + 1]
    popped[#popped + 1] = ring[i]
  end
  ask_room(lists)
  local at = 1
  while want > 0 and at <= #lists do
    local p, some = string.sub(lists[at], 1, 1), {}
    while lists[at] and string.sub(lists[at], 1, 1) == p do
      if room[string.sub(lists[at], 3)] > 0 then
        some[#some + 1] = lists[at]
      else
        blocked = 1
      end
      at = at + 1
    end
    take(p, some)
  end
  if #lists < wanted then
    break
  end
end

local back = {}
for i = 1, #popped, 2 do
  local list = popped[i + 1]
  if not emptied[list] then
    back[#back + 1] = turned[list] and turn(string.sub(list, 1, 1)) or popped[i]
    back[#back + 1] = list
    if room[string.sub(list, 3)] <= 0 then
      blocked = 1
    end
  end
end
call_all('ZADD', base .. 'ring', back)
call_all('HSET', base .. 'jobs', states)
call_all('HSET', base .. 'active:' .. consumer, held)
if lease > 0 then
  redis.call('ZREM', base .. 'leases', consumer)
  redis.call('ZADD', base .. 'leases', string.format('%.0f', now() + lease), consumer)
end

-- Jobs came back into a ring that others may have found empty, and this consumer could not take them all.
if appeared > 0 and redis.call('ZCARD', base .. 'ring') > 0 then
  redis.call('PUBLISH', base .. 'wake', '')
end
table.insert(taken, 1, soonest and math.max(0, soonest - now()) or -1)
table.insert(taken, 2, parked >= 1000 and 2 or blocked)
return taken
