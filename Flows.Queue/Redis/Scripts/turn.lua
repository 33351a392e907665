-- A consumer's turn: settles what it has finished, moves what is due, and takes new jobs, in one round trip.
-- KEYS[1] base
-- ARGV[1] consumer  [2] its lease in ms  [3] how many jobs it wants  [4] deliveries after which a job is buried
--     [5] 1: look for consumers whose lease has ended
--     [6…] run, deliveries, outcome, delay in ms for each settled job. Outcomes:
--          done    forget it, unless it was rung for again: then it waits anew
--          later   the handler said not now: wait for the delay; the delivery does not count
--          failed  the handler threw: wait for the delay, or be buried
--          back    it was not started: to the front; the delivery does not count
--          A job that is no longer this consumer's, or was delivered again since, is left alone: its lease was lost.
-- Result: ms until the next delayed job is due (-1: none), then run, project, priority, deliveries for each job taken.
-- Cost: 3 commands when there is nothing to do; settling 3 a call; taking 5 a call and 2 a list, and 5 a project
--       that has a limit. O(jobs + lists visited + jobs in work of limited projects).

local consumer, lease, want, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

-- Settle.
if #ARGV > 5 then
  local runs = {}
  for i = 6, #ARGV, 4 do
    runs[#runs + 1] = ARGV[i]
  end
  local settled = {}
  for i, state in ipairs(redis.call('HMGET', base .. 'jobs', unpack(runs))) do
    local run, delivered, outcome, pause = runs[i], tonumber(ARGV[2 + i * 4 + 1]), ARGV[2 + i * 4 + 2], tonumber(ARGV[2 + i * 4 + 3])
    local p, project, deliveries, since, owner
    if state then
      p, project, deliveries, since, owner = parse(state)
    end
    if owner == consumer and deliveries == delivered then
      settled[#settled + 1] = run
      if outcome == 'done' then
        if string.sub(state, 1, 1) == 'r' then
          wait(run, p, project, 0, string.format('%.0f', now))
        else
          forget(run)
        end
      elseif outcome == 'back' then
        wait(run, p, project, deliveries - 1, since, true)
      elseif outcome == 'later' then
        delay(run, p, project, deliveries - 1, since, now + pause)
      elseif deliveries >= most then
        bury(run, p, project, deliveries)
      else
        delay(run, p, project, deliveries, since, now + pause)
      end
    end
  end
  call_all('SREM', base .. 'active:' .. consumer, settled)
end

if ARGV[5] == '1' then
  for _, ended in ipairs(redis.call('ZRANGEBYSCORE', base .. 'leases', '-inf', now, 'LIMIT', 0, 4)) do
    if ended ~= consumer then
      release(ended, most)
    end
  end
end

-- Move what is due; at most 200 in one turn, so that a crowd due together never holds Redis for long.
local head = redis.call('ZRANGE', base .. 'delayed', 0, 0, 'WITHSCORES')
if head[2] then
  local due = tonumber(head[2])
  soonest = math.min(soonest or due, due)
  if due <= now then
    local runs = redis.call('ZRANGEBYSCORE', base .. 'delayed', '-inf', now, 'LIMIT', 0, 200)
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
local taken, held, emptied, turned = {}, {}, {}, {}

-- How many more jobs a project may have in work. A limited project's are counted by the states of its jobs, so nothing has to be
-- counted down when one ends or its worker dies.
local room = {}
local function ask_room(lists)
  local projects = { '*' }
  for _, list in ipairs(lists) do
    if not room[string.sub(list, 3)] then
      projects[#projects + 1] = string.sub(list, 3)
    end
  end
  local limits = redis.call('HMGET', base .. 'limits', unpack(projects))
  for i = 2, #projects do
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

local function take(p, lists)
  while want > 0 and #lists > 0 do
    local share, odd, left = math.floor(want / #lists), want % #lists, {}
    for i, list in ipairs(lists) do
      local key, project = base .. 'list:' .. list, string.sub(list, 3)
      local count = math.min(share + (i <= odd and 1 or 0), room[project])
      if count > 0 then
        local entries = redis.call('LRANGE', key, 0, count) -- one more than is taken: is anything left?
        redis.call('LTRIM', key, count, -1)
        count = math.min(count, #entries)
        local mine = {}
        for j = 1, count do
          local run, deliveries, since = string.match(entries[j], '^(%x+):(%d+):(%d+)$')
          deliveries = deliveries + 1
          set(run, 'a' .. p .. ':' .. project .. ':' .. deliveries .. ':' .. since .. ':' .. consumer)
          mine[j] = run
          held[#held + 1] = run
          taken[#taken + 1] = run
          taken[#taken + 1] = project
          taken[#taken + 1] = p
          taken[#taken + 1] = deliveries
        end
        if room[project] < math.huge then
          call_all('SADD', base .. 'held:' .. project, mine)
          redis.call('EXPIRE', base .. 'held:' .. project, 90000) -- longer than any run; for limits that were taken away
          room[project] = room[project] - count
        end
        want = want - count
        if #entries > count then
          turned[list] = true
          if room[project] > 0 then
            left[#left + 1] = list
          end
        else
          emptied[#emptied + 1] = list
          turned[list] = nil
        end
      end
    end
    lists = left
  end
end

-- As many lists as jobs are wanted, and more of them while projects that are paused or at their limit stand in front.
local wanted, from = want, 0
while want > 0 do
  local ring = redis.call('ZRANGE', base .. 'ring', from, from + wanted - 1)
  if #ring == 0 then
    break
  end
  ask_room(ring)
  local at = 1
  while want > 0 and at <= #ring do
    local p, lists = string.sub(ring[at], 1, 1), {}
    while ring[at] and string.sub(ring[at], 1, 1) == p do
      if room[string.sub(ring[at], 3)] > 0 then
        lists[#lists + 1] = ring[at]
      end
      at = at + 1
    end
    take(p, lists)
  end
  if #ring < wanted then
    break
  end
  from = from + #ring
end

if #held > 0 then
  call_all('ZREM', base .. 'ring', emptied)
  local moved = {}
  for list in pairs(turned) do
    moved[#moved + 1] = turn(string.sub(list, 1, 1))
    moved[#moved + 1] = list
  end
  call_all('ZADD', base .. 'ring', moved)
  call_all('HSET', base .. 'jobs', states)
  call_all('SADD', base .. 'active:' .. consumer, held)
  redis.call('ZADD', base .. 'leases', string.format('%.0f', now + lease), consumer)
end

-- Jobs came back into a ring that others may have found empty, and this consumer could not take them all.
if appeared > 0 and redis.call('ZCARD', base .. 'ring') > 0 then
  redis.call('PUBLISH', base .. 'wake', '')
end
table.insert(taken, 1, soonest and math.max(0, soonest - now) or -1)
return taken
