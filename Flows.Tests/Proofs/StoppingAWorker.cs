using Flows.Bench.Hosted;

namespace Flows.Tests.Proofs;

[Collection(Platform.Campaigns)]
[Trait("Category", "Proof")]
public sealed class StoppingAWorker
{
    [Fact]
    public async Task Nothing_is_taken_of_a_worker_that_comes_back_after_its_lease()
    {
        var outcome = await FencingBench.RunAsync(rounds: 2).WaitAsync(TimeSpan.FromMinutes(4));
        Assert.Empty(outcome.Violations);
        Assert.Equal(2, outcome.Runs);
    }
}
