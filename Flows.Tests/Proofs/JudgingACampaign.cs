using Flows.Bench.Chaos;
using Flows.Bench.Hosted;

namespace Flows.Tests.Proofs;

/// <summary>The judge of the kill campaign sees each thing that it is there to see.</summary>
public sealed class JudgingACampaign
{
    private static readonly Guid s_flow = Guid.CreateVersion7();
    private static readonly Guid s_run = Guid.CreateVersion7();
    private static readonly DateTimeOffset s_start = TimeProvider.System.GetUtcNow();
    private static readonly RunRow s_good = new(s_run, s_flow, 4, 2, 1, null, null, false);
    private static readonly LineRow[] s_lines =
    [
        new(s_run, "draw", 1, 0, 1, "0.25", s_start),
        new(s_run, "pay", 1, 2, 2, """{"status":200,"body":{"ticket":7}}""", s_start.AddSeconds(2)),
    ];
    private static readonly LedgerEntry s_entry = new(7, $"{s_run:D}:pay", "0.25", s_start.AddSeconds(1));

    [Fact]
    public void A_run_that_kept_its_promises_is_not_accused() => Assert.Empty(Judge([s_good], s_lines, [s_entry]));

    [Fact]
    public void A_run_that_is_gone_is_found() =>
        Assert.Equal(["was accepted and is lost", "wrote to the ledger and is lost"], Judge([], [], [s_entry]).Select(found => found[(found.IndexOf(' ', 4) + 1)..]));

    [Fact]
    public void A_run_that_hangs_is_found() => Assert.Contains("is still Running", Assert.Single(Judge([s_good with { Status = 1 }], s_lines, [s_entry])), StringComparison.Ordinal);

    [Fact]
    public void A_run_that_failed_for_no_reason_is_found() =>
        Assert.Contains("ended as Failed with 'internal'", Assert.Single(Judge([s_good with { Status = 5, ErrorCode = "internal" }], s_lines, [s_entry])), StringComparison.Ordinal);

    [Fact]
    public void An_effect_done_twice_is_found() =>
        Assert.Contains(Judge([s_good], s_lines, [s_entry, s_entry with { Ticket = 8 }]), found => found.Contains("pay was done 2 times", StringComparison.Ordinal));

    [Fact]
    public void An_effect_that_was_never_done_is_found() =>
        Assert.Contains(Judge([s_good], s_lines, []), found => found.Contains("pay was never done", StringComparison.Ordinal));

    [Fact]
    public void A_call_after_the_end_of_its_step_is_found() =>
        Assert.Contains(Judge([s_good], s_lines, [s_entry with { At = s_start.AddSeconds(3) }]), found => found.Contains("and was done again at", StringComparison.Ordinal));

    [Fact]
    public void A_result_that_nobody_gave_is_found() =>
        Assert.Contains(Judge([s_good], s_lines, [s_entry with { Ticket = 9 }]), found => found.Contains("none of the tickets 9", StringComparison.Ordinal));

    [Fact]
    public void A_finished_step_that_was_computed_again_is_found() =>
        Assert.Contains(Judge([s_good], s_lines, [s_entry with { Value = "0.75" }]), found => found.Contains("a finished step was repeated", StringComparison.Ordinal));

    [Fact]
    public void An_effect_that_is_in_no_journal_is_found() =>
        Assert.Contains(Judge([s_good], [s_lines[0]], [s_entry]), found => found.Contains("is not in the journal", StringComparison.Ordinal));

    [Fact]
    public void An_effect_before_its_delay_is_over_is_found()
    {
        LineRow[] lines = [s_lines[0], Line("first"), Line("pause") with { Effect = 0 }, Line("last") with { Output = """{"body":{"ticket":8}}""" }];
        LedgerEntry[] entries = [s_entry with { Key = $"{s_run:D}:first" }, s_entry with { Key = $"{s_run:D}:last", Ticket = 8, At = s_start.AddSeconds(2) }];
        Assert.Contains("last was done at", Assert.Single(Judge([s_good], lines, entries, "a short delay")), StringComparison.Ordinal);
        Assert.Empty(Judge([s_good], [lines[0], lines[1], lines[2] with { StartedAt = s_start.AddSeconds(-2) }, lines[3]], entries, "a short delay"));
    }

    [Fact]
    public void A_second_try_before_its_time_is_found()
    {
        LineRow[] lines = [s_lines[0], Line("flaky") with { Try = 2 }];
        LedgerEntry[] entries = [s_entry with { Key = $"{s_run:D}:flaky" }];
        Assert.Contains("flaky was done at", Assert.Single(Judge([s_good], lines, entries, "a retry that is waited for")), StringComparison.Ordinal);
        Assert.Empty(Judge([s_good], [lines[0], lines[1] with { Try = 1 }], entries, "a retry that is waited for"));
    }

    [Theory]
    [InlineData(0, 4, "sub has called 0 runs")]
    [InlineData(2, 4, "sub has called 2 runs")]
    [InlineData(1, 5, "that it called is Failed")]
    public void A_called_run_that_is_missing_double_or_not_what_its_caller_took_it_for_is_found(int children, short status, string violation)
    {
        LineRow[] lines = [s_lines[0], Line("after")];
        LedgerEntry[] entries = [s_entry with { Key = $"{s_run:D}:after" }];
        var called = Enumerable.Range(0, children).Select(_ => s_good with { Id = Guid.CreateVersion7(), Status = status, CalledBy = (s_run, "sub"), FlowId = Guid.Empty });
        var found = Judge([s_good, .. called], lines, entries, "a flow that calls another").Where(sentence => sentence.Contains($"{s_run}", StringComparison.Ordinal));
        Assert.Contains(violation, Assert.Single(found), StringComparison.Ordinal);
    }

    private static LineRow Line(string path) => s_lines[1] with { Path = path, StartedAt = s_start };

    private static List<string> Judge(RunRow[] runs, LineRow[] lines, LedgerEntry[] entries, string flow = "one effect")
    {
        var flows = new Dictionary<Guid, CampaignFlow> { [s_flow] = CampaignFlow.All.Single(one => one.Name == flow), [Guid.Empty] = CampaignFlow.Called };
        return new Verdict(flows, runs, lines, entries).Violations([new StartedRun(s_run, flows[s_flow], 1)]);
    }
}
