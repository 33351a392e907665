using Flows.Bench.Chaos;

namespace Flows.Tests.Proofs;

/// <summary>A short campaign of what <c>./flows bench chaos</c> does for long.</summary>
[Collection(Platform.Campaigns)]
[Trait("Category", "Proof")]
public sealed class KillingEverything
{
    [Fact]
    public async Task Nothing_is_lost_nothing_finished_is_repeated_and_nothing_is_stuck()
    {
        var plan = new CampaignPlan(Runs: 300, Kills: 40, Seed: 20261126, Lease: TimeSpan.FromSeconds(3), Settle: TimeSpan.FromSeconds(90))
        {
            LongestPause = TimeSpan.FromMilliseconds(400),
        };
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(5));

        var outcome = await new Campaign(plan, TimeProvider.System, _ => { }).RunAsync(CancellationToken.None, limit.Token);

        Assert.True(outcome.Violations.Count == 0, ChaosBench.Report(plan, outcome));
        Assert.Equal(300, outcome.Started);
        Assert.Equal(40, outcome.Kills.Values.Sum());
        Assert.True(outcome.TakenUpAgain > 0, "No kill hit a run: the campaign proves nothing.");
        Assert.True(outcome.FinishedLinesWatched > 300, ChaosBench.Report(plan, outcome));
    }
}
