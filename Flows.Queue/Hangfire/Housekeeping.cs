using System.Globalization;
using Hangfire;
using Hangfire.Common;
using Hangfire.Server;
using StackExchange.Redis;

namespace Flows.Queue.Hangfire;

/// <summary>
/// Puts this server back into Hangfire's list when another has removed it, after a pause that looked like death. Without it the server
/// works on unlisted for ever, and every longer job of it is delivered again beside itself. Runs in every server; what it throws,
/// Hangfire logs and tries again.
/// </summary>
internal sealed class ReAnnounce(HangfireRedis redis, TimeProvider clock) : IBackgroundProcess
{
    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(2);

    // KEYS: servers, server:{id}. ARGV: id, number of workers, time. One command when the server is listed.
    private const string Announce = """
        if redis.call('HEXISTS', KEYS[2], 'StartedAt') == 1 then return 0 end
        redis.call('SADD', KEYS[1], ARGV[1])
        redis.call('HSET', KEYS[2], 'WorkerCount', ARGV[2], 'StartedAt', ARGV[3], 'Heartbeat', ARGV[3])
        return 1
        """;

    public void Execute(BackgroundProcessContext context)
    {
        // First the pause: a server that has only just started is announced by Hangfire itself.
        context.Wait(s_period);
        var workers = context.Properties.TryGetValue("WorkerCount", out var count) ? Convert.ToInt32(count, CultureInfo.InvariantCulture) : 1;
        redis.Database.ScriptEvaluate(Announce,
            [redis.Key("servers"), redis.Key($"server:{context.ServerId}")],
            [context.ServerId, workers, JobHelper.SerializeDateTime(clock.GetUtcNow().UtcDateTime)]);
    }
}

/// <summary>
/// Deletes, once an hour, what Hangfire keeps for ever: failed jobs (a day old), and jobs that are said to be in work but are in no
/// queue (an hour old), which a process that was killed leaves behind. Bells only: their runs are rung for by the sweeper.
/// </summary>
internal sealed class Janitor(HangfireRedis redis, IBackgroundJobClient client, TimeProvider clock) : IBackgroundProcess
{
    private const int JobsAtATime = 1000;
    private static readonly TimeSpan s_period = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_failedAge = TimeSpan.FromDays(1);

    public void Execute(BackgroundProcessContext context)
    {
        // One of all servers an hour; the others only ask.
        if (redis.Database.StringSet(redis.Key("janitor"), context.ServerId, s_period - TimeSpan.FromMinutes(1), When.NotExists))
            Tidy(context.Storage);
        context.Wait(s_period);
    }

    private void Tidy(JobStorage storage)
    {
        var now = clock.GetUtcNow().UtcDateTime;
        var monitor = storage.GetMonitoringApi();

        // In this order: a job that is taken between the two reads is then in a queue, or too young.
        var processing = monitor.ProcessingJobs(0, JobsAtATime);
        var queued = Lanes.All
            .SelectMany(lane => new[] { redis.Key($"queue:{lane}"), redis.Key($"queue:{lane}:dequeued") })
            .SelectMany(key => redis.Database.ListRange(key))
            .Select(id => ((string?)id)!)
            .ToHashSet(StringComparer.Ordinal);
        foreach (var (id, job) in processing)
        {
            if (!queued.Contains(id) && job?.StartedAt < now - s_period)
                client.Delete(id);
        }

        foreach (var (id, job) in monitor.FailedJobs(0, JobsAtATime))
        {
            if (job?.FailedAt < now - s_failedAge)
                client.Delete(id);
        }
    }
}
