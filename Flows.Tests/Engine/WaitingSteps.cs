using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;

namespace Flows.Tests.Engine;

public sealed class WaitingSteps
{
    private static readonly PauseTerms s_terms = new((long)TimeSpan.FromDays(30).TotalMilliseconds, "https://flows.example.com", new byte[32]);
    private readonly ManualClock _clock = new(new DateTimeOffset(2026, 3, 1, 10, 0, 0, TimeSpan.Zero));

    [Theory]
    [InlineData("""{ "for": "delay", "value": "00:10:00" }""", WaitKind.Delay, "2026-03-01T10:10:00Z")]
    [InlineData("""{ "for": "delay", "value": "{{trigger.time}}" }""", WaitKind.Delay, "2026-03-01T11:30:00Z")]
    [InlineData("""{ "for": "until", "value": "2026-03-02T09:00:00+02:00" }""", WaitKind.Until, "2026-03-02T07:00:00Z")]
    [InlineData("""{ "for": "webhook" }""", WaitKind.Webhook, "2026-03-31T10:00:00Z")]
    [InlineData("""{ "for": "webhook", "expires": "01:00:00" }""", WaitKind.Webhook, "2026-03-01T11:00:00Z")]
    [InlineData("""{ "for": "approval", "approvers": 2, "expires": "2.00:00:00", "message": "{{trigger.time}}?" }""", WaitKind.Approval, "2026-03-03T10:00:00Z")]
    public async Task A_step_that_waits_pauses_the_run_and_says_for_what(string fields, WaitKind kind, string due)
    {
        var run = await WalkAsync($$"""[{ "name": "w", "kind": "wait", {{fields.Trim('{', '}', ' ')}} }, {{Write("after", "1")}}]""", trigger: """{ "time": "01:30:00" }""");
        Assert.Equal(RunStatus.Paused, run.Outcome!.Status);
        var wait = Assert.Single(run.Outcome.Waits!);
        Assert.Equal(("w", kind, due), (wait.Path, wait.Kind, WaitTimes.TextOf(wait.DueAt)));
        Assert.Equal(StepStatus.Paused, Assert.Single(run.Journal).Status);
        if (kind == WaitKind.Approval)
            Assert.Equal((2, "\"01:30:00?\""), (wait.Approvers, wait.Message.ToString()));
    }

    [Theory]
    [InlineData("""{ "for": "until", "value": "2026-03-01T09:00:00Z" }""")]
    [InlineData("""{ "for": "delay", "value": "00:00:00" }""")]
    public async Task A_time_that_is_past_costs_no_pause(string fields)
    {
        var run = await WalkAsync($$"""[{ "name": "w", "kind": "wait", {{fields.Trim('{', '}', ' ')}} }, {{Write("after", "{{w.until}}")}}]""");
        Assert.Equal(RunStatus.Succeeded, run.Outcome!.Status);
        Assert.StartsWith("\"2026-03-01T", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_short_delay_is_slept_in_the_process()
    {
        var walk = WalkAsync($$"""[{ "name": "w", "kind": "wait", "for": "delay", "value": "00:00:02" }, {{Write("after", "1")}}]""");
        await _clock.TimerAsync(TimeSpan.FromSeconds(2));
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(RunStatus.Succeeded, (await walk).Outcome!.Status);
    }

    [Theory]
    [InlineData("""{ "for": "delay", "value": "{{trigger.days}}" }""", """{ "days": "31.00:00:00" }""", "limit", "Flows__Retention__PausedDays")]
    [InlineData("""{ "for": "delay", "value": "{{trigger.x}}" }""", """{ "x": "soon" }""", "input", "must be a time span written [d.]hh:mm:ss; found the text \"soon\"")]
    [InlineData("""{ "for": "until", "value": "{{trigger.x}}" }""", """{ "x": 5 }""", "input", "must be a date such as")]
    public async Task A_wait_that_cannot_be_is_a_failed_step(string fields, string trigger, string code, string words)
    {
        var run = await WalkAsync($$"""[{ "name": "w", "kind": "wait", {{fields.Trim('{', '}', ' ')}} }]""", trigger: trigger);
        Assert.Equal((RunStatus.Failed, code, "w"), (run.Outcome!.Status, run.Outcome.Error!.Code, run.Outcome.FailedStep));
        Assert.Contains(words, run.Outcome.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_wait_gives_is_the_output_of_its_step_and_nothing_before_it_is_done_twice()
    {
        var ledger = new LedgerPiece();
        var steps = $$"""[{{Write("before", "1")}}, { "name": "w", "kind": "wait", "for": "webhook" }, {{Write("after", "{{w.body}}")}}]""";
        var paused = await WalkAsync(steps, ledger);
        _clock.Advance(TimeSpan.FromHours(1));

        var resumed = await WalkAsync(steps, ledger, paused.Journal, new WaitState("w", WaitStatus.Completed, RawJson.Parse("""{"body":7}""")));

        Assert.Equal((RunStatus.Succeeded, "7"), (resumed.Outcome!.Status, resumed.Output));
        Assert.Equal(["before", "after"], ledger.Done);
        Assert.Equal((StepStatus.Succeeded, 3_600_000), (resumed["w"].Status, resumed["w"].DurationMs));
    }

    [Theory]
    [InlineData("stop", RunStatus.Failed)]
    [InlineData("continue", RunStatus.Succeeded)]
    public async Task A_wait_that_expires_is_a_failure_that_onError_may_pass_over(string onError, RunStatus status)
    {
        var steps = $$"""[{ "name": "w", "kind": "wait", "for": "approval", "onError": "{{onError}}" }, {{Write("after", "{{errors.w?.code}}")}}]""";
        var paused = await WalkAsync(steps);
        var resumed = await WalkAsync(steps, journal: paused.Journal, waits: new WaitState("w", WaitStatus.Expired));
        Assert.Equal(status, resumed.Outcome!.Status);
        Assert.Equal("wait_expired", resumed["w"].Error!.Code);
        if (status == RunStatus.Succeeded)
            Assert.Equal("\"wait_expired\"", resumed.Output);
    }

    [Fact]
    public async Task Items_and_branches_at_the_same_time_go_on_until_each_has_ended_or_waits_and_the_run_comes_back_for_one_at_a_time()
    {
        const string Steps = """
            [{ "name": "each", "kind": "loop", "items": [0, 1, 2, 3], "parallel": 3, "steps": [
               { "name": "r", "kind": "router", "mode": "parallel", "branches": [
                 { "name": "A", "when": "{{each.index != 1}}", "steps": [ { "name": "w", "kind": "wait", "for": "webhook" } ] },
                 { "name": "B", "when": true, "steps": [ { "name": "b", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": "{{each.index}}" } } ] } ] } ] },
             { "name": "end", "kind": "stop", "output": "{{each.results.map(r => r.results.A ?? 'none')}}" }]
            """;
        var ledger = new LedgerPiece();
        var run = await WalkAsync(Steps, ledger);
        // Item 1 does not wait, so that its lane takes item 3; no lane is left over for more.
        Assert.Equal(["each[0].r:A.w", "each[2].r:A.w", "each[3].r:A.w"], run.Outcome!.Waits!.Select(wait => wait.Path));
        Assert.Equal(4, ledger.Done.Count);
        Assert.DoesNotContain(run.Journal, line => line.Path == "each" && line.IsFinished);

        var journal = run.Journal.ToList();
        var states = run.Outcome.Waits!.ToDictionary(wait => wait.Path, wait => new WaitState(wait.Path, WaitStatus.Open));
        foreach (var path in new[] { "each[3].r:A.w", "each[0].r:A.w" })
        {
            states[path] = new WaitState(path, WaitStatus.Completed, RawJson.Parse($"\"{path[5]}\""));
            run = await WalkAsync(Steps, ledger, journal, [.. states.Values]);
            Assert.Equal((RunStatus.Paused, null), (run.Outcome!.Status, run.Outcome.Waits));
            Merge(journal, run.Journal);
        }
        states["each[2].r:A.w"] = new WaitState("each[2].r:A.w", WaitStatus.Completed, RawJson.Parse("\"2\""));
        run = await WalkAsync(Steps, ledger, journal, [.. states.Values]);
        Assert.Equal((RunStatus.Succeeded, """["0","none","2","3"]"""), (run.Outcome!.Status, run.Output));
        Assert.Equal(4, ledger.Done.Count);
    }

    [Fact]
    public async Task An_item_that_waits_keeps_its_turn_in_a_loop_that_goes_one_by_one()
    {
        const string Steps = """[{ "name": "each", "kind": "loop", "items": [0, 1], "steps": [ { "name": "w", "kind": "wait", "for": "webhook" } ] }]""";
        var run = await WalkAsync(Steps);
        Assert.Equal("each[0].w", Assert.Single(run.Outcome!.Waits!).Path);
        run = await WalkAsync(Steps, journal: run.Journal, waits: new WaitState("each[0].w", WaitStatus.Completed, RawJson.Parse("1")));
        Assert.Equal("each[1].w", Assert.Single(run.Outcome!.Waits!).Path);
    }

    [Fact]
    public async Task A_failure_beside_a_wait_ends_the_run_at_once()
    {
        var run = await WalkAsync("""
            [{ "name": "r", "kind": "router", "mode": "parallel", "branches": [
               { "name": "A", "when": true, "steps": [ { "name": "w", "kind": "wait", "for": "webhook" } ] },
               { "name": "B", "when": true, "steps": [ { "name": "boom", "kind": "action", "piece": "ledger", "action": "fail", "input": { "times": 9, "transient": false } } ] } ] }]
            """);
        Assert.Equal((RunStatus.Failed, "r:B.boom"), (run.Outcome!.Status, run.Outcome.FailedStep));
    }

    [Fact]
    public async Task A_wait_in_a_failure_branch_comes_back_into_it()
    {
        var steps = $$"""
            [{ "name": "pay", "kind": "action", "piece": "ledger", "action": "fail", "input": { "times": 9, "transient": false }, "onError": { "steps": [
               { "name": "ask", "kind": "wait", "for": "approval" } ] } }, {{Write("after", "{{pay.approved}}")}}]
            """;
        var ledger = new LedgerPiece();
        var paused = await WalkAsync(steps, ledger);
        Assert.Equal("pay!ask", Assert.Single(paused.Outcome!.Waits!).Path);
        var resumed = await WalkAsync(steps, ledger, paused.Journal, new WaitState("pay!ask", WaitStatus.Completed, RawJson.Parse("""{"approved":true}""")));
        Assert.Equal((RunStatus.Succeeded, "true"), (resumed.Outcome!.Status, resumed.Output));
    }

    [Fact]
    public async Task A_walk_that_was_cut_off_before_its_wait_was_known_asks_again_and_for_no_later_time()
    {
        const string Steps = """[{ "name": "w", "kind": "wait", "for": "delay", "value": "01:00:00" }]""";
        var lost = await WalkAsync(Steps);
        _clock.Advance(TimeSpan.FromMinutes(20));
        var again = await WalkAsync(Steps, journal: lost.Journal);
        Assert.Equal(lost.Outcome!.Waits!.Single().DueAt, again.Outcome!.Waits!.Single().DueAt);
    }

    [Fact]
    public async Task More_waits_at_a_time_than_allowed_fail_the_step_that_is_too_much()
    {
        var run = await WalkedRun.OfAsync(
            """[{ "name": "each", "kind": "loop", "items": "{{range(0, 20)}}", "parallel": 20, "steps": [ { "name": "w", "kind": "wait", "for": "webhook" } ] }]""",
            clock: _clock, pauses: s_terms, limits: EngineLimits.Default with { Waits = 10 });
        Assert.Equal((RunStatus.Failed, "limit"), (run.Outcome!.Status, run.Outcome.Error!.Code));
        Assert.Contains("10 steps of the run are waiting already", run.Outcome.Error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{{resumeUrl('w')}}", LinkPurpose.Resume, "each[1].w", null)]
    [InlineData("{{resumeUrl('deep')}}", LinkPurpose.Resume, "each[1].r:In.deep", null)]
    [InlineData("{{approvalUrl('ok', 'anna@example.com')}}", LinkPurpose.Approve, "ok", "anna@example.com")]
    public async Task A_link_names_the_wait_of_the_same_item_and_is_signed_for_one_purpose(string expression, LinkPurpose purpose, string path, string? approver)
    {
        var run = await WalkAsync(Links(expression));
        var link = new Uri(run["each[1].send"].Output!.Value.ToElement().GetString()!);
        Assert.Equal((purpose == LinkPurpose.Resume ? "/resume/" : "/approve/", "flows.example.com"), (link.Segments[0] + link.Segments[1], link.Host));
        var token = ResumeToken.Read(link.Segments[2])!;
        Assert.Equal((path, approver), (token.Path, token.Approver));
        Assert.True(token.IsGenuine(purpose, s_terms.LinkKey));
        Assert.False(token.IsGenuine(purpose == LinkPurpose.Resume ? LinkPurpose.Approve : LinkPurpose.Resume, s_terms.LinkKey));
        Assert.False((token with { Path = "each[0].w" }).IsGenuine(purpose, s_terms.LinkKey));
        Assert.False((token with { Approver = "eve" }).IsGenuine(purpose, s_terms.LinkKey));
        Assert.False(token.IsGenuine(purpose, [.. s_terms.LinkKey, 1]));
    }

    [Theory]
    [InlineData("{{resumeUrl('wn')}}", "there is no step 'wn'")]
    [InlineData("{{resumeUrl('ok')}}", "the step 'ok' does not wait for a webhook")]
    [InlineData("{{resumeUrl('far')}}", "the step 'far' waits in every item of the loop 'other', and this is not inside it")]
    [InlineData("{{approvalUrl('ok', '')}}", "an approver is a name")]
    public async Task A_link_that_cannot_be_made_is_an_error_that_says_why(string expression, string words)
    {
        var run = await WalkAsync(Links(expression));
        Assert.Equal((RunStatus.Failed, "expression"), (run.Outcome!.Status, run.Outcome.Error!.Code));
        Assert.Contains(words, run.Outcome.Error.Message, StringComparison.Ordinal);
    }

    private static string Links(string expression) => $$"""
        [{ "name": "each", "kind": "loop", "items": [0, 1], "parallel": 2, "steps": [
           {{Write("send", expression)}}, { "name": "w", "kind": "wait", "for": "webhook" },
           { "name": "r", "kind": "router", "branches": [ { "name": "In", "when": true, "steps": [ { "name": "deep", "kind": "wait", "for": "webhook" } ] } ] } ] },
         { "name": "ok", "kind": "wait", "for": "approval" },
         { "name": "other", "kind": "loop", "items": [1], "steps": [ { "name": "far", "kind": "wait", "for": "webhook" } ] }]
        """;

    private static string Write(string name, string value) =>
        $$"""{ "name": "{{name}}", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": "{{value}}" } }""";

    private static void Merge(List<StepRecord> journal, IReadOnlyList<StepRecord> newer)
    {
        journal.RemoveAll(line => newer.Any(other => other.Path == line.Path));
        journal.AddRange(newer);
    }

    private Task<WalkedRun> WalkAsync(
        string steps, LedgerPiece? ledger = null, IReadOnlyList<StepRecord>? journal = null, params WaitState[] waits) =>
        WalkedRun.OfAsync(steps, ledger: ledger, journal: journal, clock: _clock, waits: waits, pauses: s_terms);

    private Task<WalkedRun> WalkAsync(string steps, string trigger) => WalkedRun.OfAsync(steps, trigger, clock: _clock, pauses: s_terms);
}
