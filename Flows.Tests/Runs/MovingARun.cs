using Flows.Api.Runs;
using Flows.Contracts.Runs;

namespace Flows.Tests.Runs;

/// <summary>The one guarded UPDATE, over every pair of statuses.</summary>
[Collection(Platform.Databases)]
public sealed class MovingARun(RunsDatabase database) : IClassFixture<RunsDatabase>
{
    public static TheoryData<RunStatus, RunStatus> Pairs()
    {
        var pairs = new TheoryData<RunStatus, RunStatus>();
        foreach (var from in Enum.GetValues<RunStatus>())
        {
            foreach (var to in Enum.GetValues<RunStatus>())
                pairs.Add(from, to);
        }
        return pairs;
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task A_run_moves_exactly_where_the_table_of_transitions_says(RunStatus from, RunStatus to)
    {
        var run = await RunAsAsync(from, attempt: 3);

        var moved = await MoveAsync(run, attempt: 3, to);

        var legal = RunTransitions.Into(to).Contains(from);
        Assert.Equal(legal ? 1 : 0, moved);
        Assert.Equal(legal ? to : from, await database.StatusAsync(run));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public async Task A_mover_that_knows_another_attempt_moves_nothing(int attempt)
    {
        var run = await RunAsAsync(RunStatus.Running, attempt: 3);
        Assert.Equal(0, await MoveAsync(run, attempt, RunStatus.Succeeded));
        Assert.Equal(RunStatus.Running, await database.StatusAsync(run));
    }

    [Fact]
    public async Task A_run_that_ends_has_an_end_time_and_no_lease_and_one_that_is_queued_is_due()
    {
        var ended = await RunAsAsync(RunStatus.Running, attempt: 1);
        await MoveAsync(ended, 1, RunStatus.Succeeded);
        Assert.True(await database.ValueAsync<bool>("SELECT finished_at IS NOT NULL AND lease_until IS NULL AND due_at IS NULL FROM runs WHERE id = $1", ended));

        var queued = await RunAsAsync(RunStatus.Failed, attempt: 1);
        await MoveAsync(queued, 1, RunStatus.Queued);
        Assert.True(await database.ValueAsync<bool>("SELECT finished_at IS NULL AND due_at IS NOT NULL AND lost_leases = 0 FROM runs WHERE id = $1", queued));
    }

    private async Task<Guid> RunAsAsync(RunStatus status, int attempt)
    {
        var run = (await database.QueueAsync(database.Store()))[0];
        await database.ExecuteAsync("UPDATE runs SET status = $2, attempt = $3, worker = 'w1', lease_until = now(), claimed_at = now(), due_at = NULL WHERE id = $1",
            run, (short)status, attempt);
        return run;
    }

    private async Task<int> MoveAsync(Guid run, int attempt, RunStatus to)
    {
        await using var command = database.Source.CreateCommand($"""
            WITH moves ({RunSql.MoveColumns}) AS (
                VALUES ($2::uuid, $3::int, $4::smallint, 'w2', $1 + interval '8 s', false, NULL::json, NULL::json, NULL::json, NULL::text, NULL::json)
            )
            {RunSql.Move}
            """);
        command.Parameters.Add(new() { Value = TimeProvider.System.GetUtcNow() });
        command.Parameters.Add(new() { Value = run });
        command.Parameters.Add(new() { Value = attempt });
        command.Parameters.Add(new() { Value = (short)to });
        return await command.ExecuteNonQueryAsync();
    }
}
