using Flows.Bench.Simulation;

namespace Flows.Tests.Proofs;

/// <summary>A part of what <c>./flows bench simulation</c> runs a million of, and that the simulator sees what it is there for.</summary>
public sealed class SimulatingTheProtocol
{
    [Fact]
    public void No_order_of_events_breaks_a_promise()
    {
        var outcome = SimulationBench.Run(200_000, seed: 20261126, Fault.None);
        Assert.Null(outcome.Violation);
        Assert.Equal(200_000, outcome.Interleavings);
        Assert.Equal(["Cancelled", "Failed", "Succeeded"], outcome.Ends.Keys);
    }

    public static TheoryData<string, string> Faults => new()
    {
        { nameof(Fault.ReportIgnoresAttempt), "a report of attempt" },
        { nameof(Fault.ClaimKeepsAttempt), "was given out again" },
        { nameof(Fault.ClaimTakesRunning), "a run that was Running was given to a worker" },
        { nameof(Fault.FinishedLineIsReplaced), "has changed" },
        { nameof(Fault.NobodyRescues), "no way out: still Running" },
        { nameof(Fault.NobodyRingsAgain), "no way out: still Queued" },
        { nameof(Fault.IntentIsNotAwaited), "was done 2 times" },
        { nameof(Fault.UncertainIsRepeated), "was done 2 times" },
        { nameof(Fault.ReportRevivesTheDead), "a report was taken while the run was" },
        { nameof(Fault.CancelTakesFinal), "was cancelled" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_broken_rule_is_found(string fault, string violation)
    {
        var outcome = SimulationBench.Run(200_000, seed: 20261126, Enum.Parse<Fault>(fault));
        Assert.NotNull(outcome.Violation);
        Assert.Contains(violation, outcome.Violation, StringComparison.Ordinal);
    }

    [Fact]
    public void One_number_is_one_future()
    {
        var (first, second) = (new Interleaving(Fault.NobodyRescues), new Interleaving(Fault.NobodyRescues));
        for (var seed = 0UL; seed < 500; seed++)
            Assert.Equal((first.Run(seed), first.Events, first.Store.Attempt), (second.Run(seed), second.Events, second.Store.Attempt));
    }
}
