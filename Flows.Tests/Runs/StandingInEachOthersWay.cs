using Flows.Api;
using Flows.Api.Migrations;
using Flows.Api.Runs;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using static Flows.Tests.Waits.EndingWaits;

namespace Flows.Tests.Runs;

/// <summary>Transactions that wait for each other in a circle: Postgres ends one of them, and it is ours.</summary>
[Collection(Platform.Databases)]
public sealed class StandingInEachOthersWay(RunsDatabase database) : IClassFixture<RunsDatabase>, IAsyncLifetime
{
    private NpgsqlDataSource _source = null!;
    private RunStore _store = null!;

    public Task InitializeAsync()
    {
        // Ours waits for three seconds before it looks whether there is a circle, and the other never does: so ours is the one that is ended.
        _source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(database.ConnectionString) { Options = "-c deadlock_timeout=3s", ApplicationName = "ours" }.ConnectionString);
        _store = new RunStore(_source, Options.Create(new RunOptions()), Options.Create(new LimitsOptions()), TimeProvider.System);
        return Task.CompletedTask;
    }

    public async Task DisposeAsync() => await _source.DisposeAsync();

    [Fact]
    public async Task Ends_of_calls_are_written_again()
    {
        var parents = new[] { await CallerAsync(), await CallerAsync() }.Order().ToArray();

        await MeetingAsync("SELECT 1 FROM runs WHERE id = $1 FOR UPDATE", parents[1], parents[0], async () =>
            Assert.Equal(parents, (await _store.EndCallsAsync(100, default)).Select(run => run.RunId).Order()));

        foreach (var parent in parents)
            Assert.Equal(RunStatus.Queued, await database.StatusAsync(parent));
    }

    [Fact]
    public async Task Waits_whose_time_has_come_are_ended_again()
    {
        var store = database.Store();
        var run = await database.RunningAsync(store);
        await RunsDatabase.ReportAsync(store, run, 1, outcome: Paused(new WaitRequest("w", WaitKind.Delay, TimeProvider.System.GetUtcNow().AddSeconds(-1))));

        await using var other = await database.Source.OpenConnectionAsync();
        await using var transaction = await other.BeginTransactionAsync();
        await DoAsync(other, "SET LOCAL deadlock_timeout = '10min'");
        await DoAsync(other, "SELECT 1 FROM waitpoints WHERE run_id = $1 FOR UPDATE", run);
        var ours = _store.WakeDueAsync(100, default);
        await WaitingAsync();
        await DoAsync(other, "SELECT 1 FROM runs WHERE id = $1 FOR UPDATE", run);
        await transaction.CommitAsync();
        Assert.Equal(run, Assert.Single(await ours).RunId);
        Assert.Equal(RunStatus.Queued, await database.StatusAsync(run));
    }

    [Fact]
    public async Task A_report_is_written_again_and_once()
    {
        var store = database.Store();
        var runs = new[] { await database.RunningAsync(store), await database.RunningAsync(store) }.Order().ToArray();

        await MeetingAsync("SELECT 1 FROM runs WHERE id = $1 FOR UPDATE", runs[1], runs[0], async () =>
        {
            var reported = await _store.ReportAsync(runs.Select(run => ("w1", new RunReport(
                run, 1, [RunsDatabase.Step("a", StepStatus.Succeeded, "1")], null, new RunOutcome(RunStatus.Succeeded, RawJson.Parse("1"))))), default);
            Assert.Equal(2, reported.Taken.Count);
            Assert.Equal(runs, reported.News.Select(news => news.RunId).Order());
        });
        Assert.Equal(2, await database.ValueAsync<long>("SELECT count(*) FROM run_steps WHERE run_id = ANY($1)", runs));
    }

    [Fact]
    public async Task Making_partitions_stands_in_nobodys_way_for_longer_than_it_takes_to_give_up()
    {
        var keeper = new PartitionKeeper(_source, new SchemaState(), new ManualClock(new DateTimeOffset(2031, 5, 1, 12, 0, 0, TimeSpan.Zero)), NullLogger<PartitionKeeper>.Instance);
        await using (var reader = await database.Source.OpenConnectionAsync())
        await using (var reading = await reader.BeginTransactionAsync())
        {
            // Waits before runs, as the sweepers read them; the keeper makes the partition of runs first.
            await DoAsync(reader, "SELECT 1 FROM waitpoints LIMIT 1");
            var sweep = keeper.SweepAsync(default);
            await WaitingAsync(sweep);
            await DoAsync(reader, "SET LOCAL statement_timeout = '400ms'"); // it does not wait for the keeper
            await DoAsync(reader, "SELECT 1 FROM runs LIMIT 1");
            Assert.False(await sweep);
            Assert.True(keeper.IsHindered);
        }
        Assert.Equal(0, await PartitionsAsync("waitpoints"));
        await keeper.SweepAsync(default);
        Assert.Equal(8, await PartitionsAsync("waitpoints"));
        Assert.Equal(await PartitionsAsync("runs"), await PartitionsAsync("run_values"));
    }

    [Fact]
    public async Task It_is_tried_again_with_longer_and_longer_pauses_and_has_an_end()
    {
        var clock = new ManualClock();
        var pauses = new List<TimeSpan>();
        var tries = 0;
        var writing = UndoneWrites.AgainAsync<int>(_ => throw Undone(PostgresErrorCodes.SerializationFailure, ++tries), clock, default);
        for (var pause = 1; pause < UndoneWrites.Tries; pause++)
        {
            pauses.Add(await clock.TimerAsync(TimeSpan.Zero));
            clock.Advance(pauses[^1]);
        }
        Assert.Equal($"try {UndoneWrites.Tries}", (await Assert.ThrowsAsync<PostgresException>(() => writing)).MessageText);
        Assert.All(pauses.Index(), item => Assert.InRange(item.Item.TotalMilliseconds, 20 << item.Index, 40 << item.Index));

        tries = 0;
        await Assert.ThrowsAsync<PostgresException>(() => UndoneWrites.AgainAsync<int>(_ => throw Undone(PostgresErrorCodes.UniqueViolation, ++tries), clock, default));
        Assert.Equal(1, tries);
    }

    [Theory]
    [InlineData(0, 600, 600)]
    [InlineData(1, 600, 4)]
    [InlineData(3, 600, 16)]
    [InlineData(30, 600, 600)]
    [InlineData(1, 0.5, 1)]
    [InlineData(30, 0.5, 30)]
    public void A_housekeeper_that_was_hindered_comes_back_soon_and_then_later_and_later(int failures, double period, double pause) =>
        Assert.Equal(TimeSpan.FromSeconds(pause), Housekeeper.PauseAfter(failures, TimeSpan.FromSeconds(period)));

    private static PostgresException Undone(string state, int attempt) => new($"try {attempt}", "ERROR", "ERROR", state);

    private async Task<Guid> CallerAsync()
    {
        var store = database.Store();
        var parent = await database.RunningAsync(store);
        await RunsDatabase.ReportAsync(store, parent, 1, outcome: Paused(Call("a", database.Flow.ToString())));
        await database.ExecuteAsync("UPDATE runs SET status = 4, output = '9' WHERE parent_run_id = $1", parent);
        return parent;
    }

    /// <summary>The other holds what ours asks for second, and then asks for what ours holds.</summary>
    private async Task MeetingAsync(string sql, Guid first, Guid second, Func<Task> ours)
    {
        await using var other = await database.Source.OpenConnectionAsync();
        await using var transaction = await other.BeginTransactionAsync();
        await DoAsync(other, "SET LOCAL deadlock_timeout = '10min'");
        await DoAsync(other, sql, first);
        var writing = ours();
        await WaitingAsync();
        await DoAsync(other, sql, second);
        await transaction.CommitAsync();
        await writing;
    }

    /// <summary>Until one of ours waits for a lock, or is over.</summary>
    private async Task WaitingAsync(Task? over = null)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (over?.IsCompleted != true && await database.ValueAsync<long>("""
            SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE NOT l.granted AND a.datname = current_database() AND a.application_name = 'ours'
            """) == 0)
            limit.Token.ThrowIfCancellationRequested();
    }

    private static async Task DoAsync(NpgsqlConnection connection, string sql, params object[] values)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        await command.ExecuteNonQueryAsync();
    }

    private Task<long> PartitionsAsync(string table) => database.ValueAsync<long>("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname ~ $1", $"^{table}_203105[0-9]{{2}}$");
}
