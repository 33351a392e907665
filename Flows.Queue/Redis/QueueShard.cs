using System.Globalization;
using Flows.Contracts.Runs;
using StackExchange.Redis;

namespace Flows.Queue.Redis;

/// <summary>
/// One shard of the queue: a set of keys in one slot, and the calls on it. Each call is one script and one round trip.
/// The keys and the moves of a job are described in Scripts/job.lua.
/// </summary>
internal sealed class QueueShard(RedisScripts scripts, RedisQueueOptions options, int number)
{
    private const int JobsInACall = 1000;
    private readonly RedisKey _base = $"{options.KeyPrefix}:{{q{number}}}:";
    private readonly RedisValue _lease = (long)options.Lease.TotalMilliseconds;
    private readonly RedisChannel _wake = new($"{options.KeyPrefix}:{{q{number}}}:wake", RedisChannel.PatternMode.Literal);

    /// <returns>How many were not on the queue before.</returns>
    internal async Task<int> EnqueueAsync(IReadOnlyList<RunJob> jobs, CancellationToken cancel)
    {
        var added = 0;
        // A thousand at a time, so that a big batch does not hold Redis for longer than a few milliseconds.
        for (var first = 0; first < jobs.Count; first += JobsInACall)
        {
            var count = Math.Min(JobsInACall, jobs.Count - first);
            var arguments = new RedisValue[count * 4];
            for (var i = 0; i < count; i++)
            {
                var job = jobs[first + i];
                arguments[i * 4] = job.RunId.ToString("N");
                arguments[i * 4 + 1] = job.ProjectId.ToString("N");
                arguments[i * 4 + 2] = (int)job.Priority;
                arguments[i * 4 + 3] = job.FlowId == Guid.Empty ? "" : job.FlowId.ToString("N");
            }
            added += (int)await scripts.EvaluateAsync(RedisScripts.Enqueue, _base, arguments, cancel);
        }
        return added;
    }

    /// <summary>Settles, and takes a job for each free place.</summary>
    /// <param name="places">Where what is taken is noted down for the consumer. None of them may hold a job that is not among the settled.</param>
    internal async Task<Turn> TurnAsync(
        string consumer, IReadOnlyCollection<Delivery> settled, IReadOnlyList<int> places, TurnAlso also, CancellationToken cancel)
    {
        var arguments = new RedisValue[6 + settled.Count * 4 + places.Count];
        arguments[0] = consumer;
        arguments[1] = also.HasFlag(TurnAlso.ExtendLease) ? _lease : 0;
        arguments[2] = options.MaxDeliveries;
        arguments[3] = also.HasFlag(TurnAlso.ReleaseExpired) ? 1 : 0;
        arguments[4] = also.HasFlag(TurnAlso.MoveDue) ? 1 : 0;
        arguments[5] = settled.Count;
        var at = 6;
        foreach (var delivery in settled)
        {
            arguments[at++] = delivery.Job.RunId.ToString("N");
            arguments[at++] = delivery.Number;
            arguments[at++] = delivery.Outcome switch
            {
                Outcome.Done => "done",
                Outcome.Later => "later",
                Outcome.Failed => "failed",
                _ => "back",
            };
            arguments[at++] = (long)delivery.Delay.TotalMilliseconds;
        }
        foreach (var place in places)
            arguments[at++] = place;

        var reply = ((RedisResult[]?)await scripts.EvaluateAsync(RedisScripts.Turn, _base, arguments, cancel))!;
        var taken = new List<Delivery>((reply.Length - 2) / 4);
        for (var i = 2; i < reply.Length; i += 4)
        {
            taken.Add(new Delivery(
                new RunJob(Id(reply[i]), Id(reply[i + 1]), (RunPriority)(int)reply[i + 2]), (int)reply[i + 3], places[taken.Count]));
        }
        var due = (long)reply[0];
        return new Turn(taken, due < 0 ? null : TimeSpan.FromMilliseconds(due), IsBlocked: (int)reply[1] != 0, IsCut: (int)reply[1] == 2);
    }

    /// <returns>How many runs Redis held for the consumer without its knowledge; they wait again.</returns>
    internal async Task<int> RenewAsync(string consumer, IEnumerable<Delivery> held, CancellationToken cancel) =>
        (int)await scripts.EvaluateAsync(RedisScripts.Renew, _base,
            [consumer, _lease, .. held.Select(delivery => (RedisValue)delivery.Job.RunId.ToString("N"))], cancel);

    internal Task LeaveAsync(string consumer, CancellationToken cancel) =>
        scripts.EvaluateAsync(RedisScripts.Leave, _base, [consumer, options.MaxDeliveries], cancel);

    internal async Task<QueueStatistics> StatisticsAsync(CancellationToken cancel)
    {
        var reply = ((RedisResult[]?)await scripts.EvaluateAsync(RedisScripts.Statistics, _base, [], cancel))!;
        var now = (long)reply[3];
        var waiting = Enum.GetValues<RunPriority>().ToDictionary(priority => priority, _ => 0L);
        var oldest = now;
        var backlogs = new List<Backlog>((reply.Length - 6) / 3);
        for (var i = 6; i < reply.Length; i += 3)
        {
            var list = ((string?)reply[i])!;
            var (priority, length, since) = ((RunPriority)(list[0] - '0'), (long)reply[i + 1], (long)reply[i + 2]);
            waiting[priority] = waiting.GetValueOrDefault(priority) + length;
            oldest = Math.Min(oldest, since);
            backlogs.Add(new Backlog(Guid.ParseExact(list[2..], "N"), priority, length, TimeSpan.FromMilliseconds(Math.Max(0, now - since))));
        }
        return new QueueStatistics(nameof(QueueProvider.Redis), waiting, TimeSpan.FromMilliseconds(now - oldest),
            Active: (long)reply[0], Delayed: (long)reply[1], Dead: (long)reply[2])
        {
            Backlogs = backlogs,
            Paused = (long)reply[5],
            Minutes = Rates(reply[4], 'm', TimeSpan.FromMinutes(1)),
            Hours = Rates(reply[4], 'h', TimeSpan.FromHours(1)),
        };
    }

    /// <param name="counters">Name and count, in turns; a name is the unit, the number of the period since 1970, and what is counted.</param>
    private static QueueRate[] Rates(RedisResult counters, char unit, TimeSpan period) =>
        [.. ((RedisResult[]?)counters)!.Chunk(2).Select(counter => (Name: (string)counter[0]!, Count: (long)counter[1])).Where(counter => counter.Name[0] == unit)
            .GroupBy(counter => long.Parse(counter.Name.AsSpan(1, counter.Name.Length - 2), CultureInfo.InvariantCulture))
            .OrderBy(kinds => kinds.Key)
            .Select(kinds => new QueueRate(DateTimeOffset.UnixEpoch + period * kinds.Key, Sum(kinds, 'e'), Sum(kinds, 'f'), Sum(kinds, 'x')))];

    private static long Sum(IEnumerable<(string Name, long Count)> counters, char kind) =>
        counters.Where(counter => counter.Name[^1] == kind).Sum(counter => counter.Count);

    /// <summary>Adds to the counters of minutes since 1970: enqueued, finished, failed.</summary>
    internal Task CountAsync(IEnumerable<(long Minute, long[] Counts)> minutes, CancellationToken cancel) =>
        scripts.EvaluateAsync(RedisScripts.Rates, _base,
            [.. minutes.SelectMany(minute => new RedisValue[] { minute.Minute, minute.Counts[0], minute.Counts[1], minute.Counts[2] })], cancel);

    /// <param name="limits">Jobs in work at a time, for each project that has a limit; 0 pauses it.</param>
    /// <param name="forOthers">What holds for every other project; null: no limit.</param>
    /// <param name="pausedFlows">Flows whose jobs are held back.</param>
    internal async Task LimitAsync(IReadOnlyDictionary<Guid, int> limits, int? forOthers, IReadOnlyCollection<Guid> pausedFlows, CancellationToken cancel)
    {
        var arguments = limits.SelectMany(limit => new RedisValue[] { limit.Key.ToString("N"), limit.Value }).ToList();
        if (forOthers is { } other)
            arguments.AddRange(["*", other]);
        foreach (var flow in pausedFlows)
            arguments.AddRange([$"flow:{flow:N}", 0]);
        if (pausedFlows.Count > 0)
            arguments.AddRange(["flows", 1]);
        // Again while jobs of resumed flows are still aside: they go back a thousand in a call, so that Redis is not held for long.
        while ((long)await scripts.EvaluateAsync(RedisScripts.Limits, _base, [.. arguments], cancel) > 0)
        {
        }
    }

    internal async Task<QueueOverview> OverviewAsync(int most, CancellationToken cancel)
    {
        var reply = ((RedisResult[]?)await scripts.EvaluateAsync(RedisScripts.Overview, _base, [most], cancel))!;
        var now = (long)reply[0];
        var consumers = ((RedisResult[]?)reply[1])!.Chunk(3).Select(item =>
            new QueueConsumer((string)item[0]!, TimeSpan.FromMilliseconds((double)item[1] - now), (int)item[2]));
        var active = ((RedisResult[]?)reply[2])!.Chunk(2).Select(item =>
        {
            var state = ((string)item[1]!)[1..].Split(':'); // p:project:deliveries:since:consumer
            return new ActiveJob(Job(Id(item[0]), state), int.Parse(state[2], CultureInfo.InvariantCulture), Age(now, state[3]), state.Length > 4 ? state[4] : "");
        });
        var dead = ((string[]?)reply[3])!.Select(entry =>
        {
            var part = entry.Split(':'); // p:project:run:deliveries:since
            return new DeadLetter(entry, Job(Guid.ParseExact(part[2], "N"), part), int.Parse(part[3], CultureInfo.InvariantCulture), Age(now, part[4]));
        });
        var limits = ((RedisResult[]?)reply[4])!.Chunk(2).Select(item => (Name: (string)item[0]!, Limit: (int)item[1])).ToList();
        return new QueueOverview([.. consumers], [.. active], [.. dead],
            limits.Where(limit => limit.Name.Length == 32).ToDictionary(limit => Guid.ParseExact(limit.Name, "N"), limit => limit.Limit));

        static RunJob Job(Guid run, string[] state) => new(run, Guid.ParseExact(state[1], "N"), (RunPriority)(state[0][0] - '0'));
        static TimeSpan Age(long now, string since) => TimeSpan.FromMilliseconds(Math.Max(0, now - long.Parse(since.Split('-')[0], CultureInfo.InvariantCulture)));
    }

    /// <returns>False: the letter is not there any more.</returns>
    internal async Task<bool> EndDeadAsync(string letter, bool requeue, CancellationToken cancel) =>
        (int)await scripts.EvaluateAsync(RedisScripts.Dead, _base, [requeue ? "requeue" : "discard", letter], cancel) == 1;

    internal Task SubscribeAsync(Action<RedisChannel, RedisValue> woken, CancellationToken cancel) =>
        scripts.SubscribeAsync(_wake, woken, cancel);

    internal Task UnsubscribeAsync(Action<RedisChannel, RedisValue> woken, CancellationToken cancel) =>
        scripts.UnsubscribeAsync(_wake, woken, cancel);

    private static Guid Id(RedisResult text) => Guid.ParseExact(((string?)text)!, "N");
}

/// <summary>What a turn does beside settling and taking.</summary>
[Flags]
internal enum TurnAlso
{
    Nothing = 0,
    /// <summary>Begin the consumer's lease anew. Needed with the first job it takes, and then at every third of the lease.</summary>
    ExtendLease = 1,
    /// <summary>Give back the jobs of consumers whose lease has ended.</summary>
    ReleaseExpired = 2,
    /// <summary>Let delayed jobs wait again whose time has come.</summary>
    MoveDue = 4,
    All = ExtendLease | ReleaseExpired | MoveDue,
}

/// <summary>What a turn brought.</summary>
/// <param name="NextDue">Until the next delayed job is due, of those that were settled here, and of all with <see cref="TurnAlso.MoveDue"/>; null when there is none.</param>
/// <param name="IsBlocked">Jobs wait whose projects are paused or at their limit.</param>
/// <param name="IsCut">There may be more to take: so many jobs of paused flows stood in front that the turn was ended.</param>
internal sealed record Turn(IReadOnlyList<Delivery> Taken, TimeSpan? NextDue, bool IsBlocked, bool IsCut);

internal enum Outcome { Done, Later, Failed, Back }

/// <summary>A job in this consumer's hands, from the turn that took it to the turn that settles it. Equal only to itself.</summary>
/// <param name="number">Which delivery of the job it is, from 1. Redis ignores the settlement of any but the latest.</param>
/// <param name="place">Where Redis has noted it down for the consumer.</param>
internal sealed class Delivery(RunJob job, int number, int place)
{
    internal RunJob Job => job;
    internal int Number => number;
    internal int Place => place;
    internal Outcome Outcome { get; private set; } = Outcome.Back;
    internal TimeSpan Delay { get; private set; }

    internal void Settle(Outcome outcome, TimeSpan delay = default) => (Outcome, Delay) = (outcome, delay);
}
