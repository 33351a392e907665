using System.Diagnostics;
using System.Net;
using Flows.Api.Runs;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Queue;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Flows.Tests.Runs;

[Collection(Platform.Databases)]
public sealed class AcceptingRuns(RunsDatabase database) : IClassFixture<RunsDatabase>
{
    [Fact]
    public async Task Five_hundred_callers_share_few_commits_and_every_run_is_there_and_rung_for_once()
    {
        var queue = new RecordingQueue();
        await using var inbox = await StartAsync(queue);
        var runs = Enumerable.Range(0, 500).Select(_ => database.NewRun()).ToList();

        await Task.WhenAll(runs.Select(run => inbox.Inbox.AcceptAsync(run, default)));

        var ids = runs.Select(run => run.RunId).ToArray();
        Assert.Equal(500, await database.ValueAsync<long>("SELECT count(*) FROM runs WHERE id = ANY($1) AND status = 0 AND due_at IS NOT NULL", ids));
        var commits = await database.ValueAsync<long>("SELECT count(DISTINCT xmin::text) FROM runs WHERE id = ANY($1)", ids);
        Assert.InRange(commits, 1, 100);
        await queue.UntilAsync(500);
        Assert.Equal(ids.Order(), queue.Jobs.Select(job => job.RunId).Order());
    }

    [Fact]
    public async Task Accepts_go_on_while_the_queue_is_away_and_the_bells_are_rung_when_it_is_back()
    {
        var queue = new RecordingQueue { Away = true };
        await using var inbox = await StartAsync(queue);
        var run = database.NewRun();

        await inbox.Inbox.AcceptAsync(run, default);

        Assert.Equal(RunStatus.Queued, await database.StatusAsync(run.RunId));
        await queue.Refused.Task.WaitAsync(TimeSpan.FromSeconds(60));
        queue.Away = false;
        await queue.UntilAsync(1);
    }

    [Fact]
    public async Task A_payload_that_Postgres_refuses_does_not_take_the_others_of_its_commit_with_it()
    {
        await using var inbox = await StartAsync(new RecordingQueue());
        var good = Enumerable.Range(0, 20).Select(_ => database.NewRun()).ToList();
        var bad = database.NewRun() with { Trigger = RawJson.FromUtf8("{oops"u8.ToArray()) };

        var accepts = good.Take(10).Append(bad).Concat(good.Skip(10)).ToDictionary(run => run.RunId, run => inbox.Inbox.AcceptAsync(run, default));

        await Assert.ThrowsAsync<PostgresException>(() => accepts[bad.RunId]);
        await Task.WhenAll(good.Select(run => accepts[run.RunId]));
        Assert.Equal(20, await database.ValueAsync<long>("SELECT count(*) FROM runs WHERE id = ANY($1)", good.Select(run => run.RunId).ToArray()));
    }

    [Fact]
    public async Task Without_Postgres_the_caller_is_told_to_come_back_in_bounded_time()
    {
        await using var host = await RunsHost.StartAsync(database, new() { ["Flows:Runs:Patience"] = "00:00:01" });
        await host.StartRunAsync(database.Flow); // the flow is known now
        await using var other = await database.Source.OpenConnectionAsync();
        await using var hanging = await other.BeginTransactionAsync();
        await using (var stop = new NpgsqlCommand("LOCK TABLE runs IN EXCLUSIVE MODE", other, hanging))
            await stop.ExecuteNonQueryAsync();

        var started = Stopwatch.GetTimestamp();
        using var answer = await host.Api.PostAsync($"/api/v1/flows/{database.Flow}/runs", null);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.NotNull(answer.Headers.RetryAfter);
        Assert.Equal("unavailable", (await RunsHost.JsonAsync(answer)).GetProperty("code").GetString());
        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalSeconds, 0.5, 60);
    }

    private async Task<RunningInbox> StartAsync(RecordingQueue queue)
    {
        var options = Options.Create(new RunOptions());
        var bells = new RunBells(queue, TimeProvider.System, NullLogger<RunBells>.Instance);
        var inbox = new RunInbox(database.Store(), bells, options, RunsDatabase.Metrics, TimeProvider.System);
        await bells.StartAsync(default);
        await inbox.StartAsync(default);
        return new RunningInbox(inbox, bells);
    }

    private sealed record RunningInbox(RunInbox Inbox, RunBells Bells) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Inbox.StopAsync(default);
            await Bells.StopAsync(default);
            Bells.Dispose();
        }
    }
}

/// <summary>Writes down what it is asked to queue; can be away.</summary>
internal sealed class RecordingQueue : IRunQueue
{
    private readonly Lock _lock = new();
    private readonly List<RunJob> _jobs = [];
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public volatile bool Away;
    public TaskCompletionSource Refused { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public List<RunJob> Jobs
    {
        get
        {
            lock (_lock)
                return [.. _jobs];
        }
    }

    public Task EnqueueAsync(IReadOnlyList<RunJob> jobs, CancellationToken cancel)
    {
        if (Away)
        {
            Refused.TrySetResult();
            throw new QueueUnavailableException("away");
        }
        lock (_lock)
        {
            _jobs.AddRange(jobs);
            _more.TrySetResult();
        }
        return Task.CompletedTask;
    }

    public async Task UntilAsync(int count)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            Task more;
            lock (_lock)
            {
                if (_jobs.Count >= count)
                    return;
                if (_more.Task.IsCompleted)
                    _more = new(TaskCreationOptions.RunContinuationsAsynchronously);
                more = _more.Task;
            }
            await more.WaitAsync(limit.Token);
        }
    }

    public Task<QueueStatistics> GetStatisticsAsync(CancellationToken cancel) =>
        Away ? throw new QueueUnavailableException("away") : Task.FromResult(new QueueStatistics("Recording", new Dictionary<RunPriority, long>(), TimeSpan.Zero, 0, 0, 0));
}
