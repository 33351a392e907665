using Flows.Contracts.Runs;
using Flows.Queue;
using StackExchange.Redis;

namespace Flows.Api.Runs;

/// <summary>What must follow a committed change: the bell of a run that is Queued again, and word to the instance that holds its caller.</summary>
internal sealed class RunAnnouncer(RunWaiters waiters, RunBells bells, IConnectionMultiplexer redis, RunMetrics metrics)
{
    private const int IdBytes = 16;

    /// <summary>The channel on which an instance hears of its runs: their ids, 16 big-endian bytes each.</summary>
    public static RedisChannel ChannelOf(string instance) => new($"flows:run-ended:{instance}", RedisChannel.PatternMode.Literal);

    /// <summary>Never waits and never fails: a lost bell is rung again by a sweeper, lost word is found by the waiter's own look.</summary>
    public void Announce(IReadOnlyCollection<RunNews> news)
    {
        foreach (var run in news)
        {
            if (run.Status != RunStatus.Running) // that one has answered its caller, and goes on
                metrics.Moved(run.Status);
            if (run.Status == RunStatus.Queued)
                bells.Ring(new RunJob(run.RunId, run.ProjectId, run.Priority));
            if (run.Waiter == waiters.Instance)
                waiters.Deliver(run);
        }
        foreach (var instance in news.Where(IsForAnother).GroupBy(run => run.Waiter!))
            Publish(instance.Key, [.. instance.Select(run => run.RunId)]);
    }

    public static List<Guid> ReadIds(byte[] message)
    {
        var ids = new List<Guid>(message.Length / IdBytes);
        for (var at = 0; at + IdBytes <= message.Length; at += IdBytes)
            ids.Add(new Guid(message.AsSpan(at, IdBytes), bigEndian: true));
        return ids;
    }

    private bool IsForAnother(RunNews run) =>
        run.Waiter is { } waiter && waiter != waiters.Instance && (run.IsSettled || run.Response is not null);

    private void Publish(string instance, List<Guid> runs)
    {
        var message = new byte[runs.Count * IdBytes];
        for (var i = 0; i < runs.Count; i++)
            runs[i].TryWriteBytes(message.AsSpan(i * IdBytes, IdBytes), bigEndian: true, out _);
        try
        {
            // Nobody waits for the answer; a failure that shows later has been seen by nobody, and that is enough.
            _ = redis.GetSubscriber().PublishAsync(ChannelOf(instance), message, CommandFlags.FireAndForget);
        }
        catch (Exception error) when (error is RedisException or TimeoutException or ObjectDisposedException)
        {
            // Redis is away, which RunBells reports; the other instance asks Postgres within a second.
        }
    }
}
