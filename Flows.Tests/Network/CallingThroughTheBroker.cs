using System.Text.Json;
using Flows.Contracts.Runs;
using Flows.Worker.Egress;

namespace Flows.Tests.Network;

/// <summary>Attacks and honest calls from a real engine process whose one way out is the worker's broker.</summary>
public sealed class CallingThroughTheBroker : IAsyncLifetime
{
    private InsideAndOutside _servers = null!;

    private string Port => $":{_servers.Port}";

    public async Task InitializeAsync() => _servers = await InsideAndOutside.StartAsync();

    public async Task DisposeAsync() => await _servers.DisposeAsync();

    private static Task<EngineUnderTest> EngineAsync(RebindingNames names, Action<NetworkOptions>? change = null)
    {
        var options = new NetworkOptions { Allow = InsideAndOutside.Outside };
        change?.Invoke(options);
        return EngineUnderTest.StartAsync(options, names.ResolveAsync);
    }

    private static void AssertAnswered(RunOutcome outcome)
    {
        Assert.True(outcome.Status == RunStatus.Succeeded, outcome.Error?.Message);
        Assert.Equal("outside", outcome.Output!.Value.ToElement().GetProperty("body").GetString());
    }

    private static void AssertRefused(RunOutcome outcome)
    {
        Assert.Equal(("network_refused", "call"), (outcome.Error?.Code, outcome.FailedStep));
        Assert.Contains("Flows__Execution__Allow would let it through", outcome.Error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_honest_call_is_answered_over_one_connection_after_the_other_and_over_a_kept_one()
    {
        var names = new RebindingNames(("api.example", [["127.0.0.2"]]));
        await using var engine = await EngineAsync(names);

        for (var i = 0; i < 3; i++)
            AssertAnswered(await engine.GetAsync($"http://api.example{Port}/ok"));
        Assert.Equal(1, names.Asked["api.example"]);
        for (var i = 0; i < 3; i++)
            AssertAnswered(await engine.GetAsync($"http://api.example{Port}/close"));
        AssertAnswered(await engine.GetAsync($"http://{InsideAndOutside.Outside}{Port}/ok"));
        Assert.Equal(0, _servers.InsideConnections);
    }

    [Fact]
    public async Task What_one_project_has_called_makes_no_call_of_another_one_shorter()
    {
        var names = new RebindingNames(("shared.example", [["127.0.0.2"]]));
        var (first, second) = await EngineUnderTest.StartPairAsync(new NetworkOptions { Allow = InsideAndOutside.Outside }, names.ResolveAsync);
        await using var one = first;
        await using var other = second;

        AssertAnswered(await first.GetAsync($"http://shared.example{Port}/ok"));
        Assert.Equal((1, 1), (names.Asked["shared.example"], _servers.OutsideConnections));
        // By its own connection the first one goes faster the second time. The other one does not: the name is asked for again, and connected to again.
        AssertAnswered(await first.GetAsync($"http://shared.example{Port}/ok"));
        Assert.Equal((1, 1), (names.Asked["shared.example"], _servers.OutsideConnections));
        AssertAnswered(await second.GetAsync($"http://shared.example{Port}/ok"));
        Assert.Equal((2, 2), (names.Asked["shared.example"], _servers.OutsideConnections));
    }

    [Fact]
    public async Task A_name_that_changes_its_address_after_every_question_never_leads_inside()
    {
        // The check would see the first answer and a careless connection the second one; and the other way round.
        var names = new RebindingNames(("a.rebind.example", [["127.0.0.2"], ["127.0.0.1"]]), ("b.rebind.example", [["127.0.0.1"], ["127.0.0.2"]]));
        await using var engine = await EngineAsync(names);

        var answered = 0;
        for (var i = 0; i < 40; i++)
        {
            var outcome = await engine.GetAsync($"http://{(i % 2 == 0 ? "a" : "b")}.rebind.example{Port}/close");
            if (outcome.Status == RunStatus.Succeeded)
                answered++;
            else
                AssertRefused(outcome);
        }
        Assert.Equal(0, _servers.InsideConnections);
        Assert.Equal((20, 40), (answered, names.Asked.Values.Sum()));
    }

    [Theory]
    [InlineData("127.0.0.2", "127.0.0.1")]
    [InlineData("127.0.0.1", "127.0.0.2")]
    [InlineData("127.0.0.2", "::1")]
    [InlineData("127.0.0.2", "::ffff:127.0.0.1")]
    [InlineData("127.0.0.2", "fd00::1")]
    public async Task A_name_with_one_wrong_record_is_refused(params string[] records)
    {
        await using var engine = await EngineAsync(new RebindingNames(("mixed.example", [records])));

        AssertRefused(await engine.GetAsync($"http://mixed.example{Port}/ok"));
        Assert.Equal(0, _servers.InsideConnections);
        Assert.Empty(_servers.Requests);
    }

    [Fact]
    public async Task A_redirect_is_checked_at_every_hop_and_carries_no_credentials_to_another_host()
    {
        var names = new RebindingNames(("one.example", [["127.0.0.2"]]), ("two.example", [["127.0.0.2"]]), ("in.example", [["127.0.0.1"]]));
        await using var engine = await EngineAsync(names);
        string[] targets = ["127.0.0.1", "2130706433", "0x7f.1", "0177.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "in.example", "in.example.", "127.0.0.1."];

        foreach (var target in targets)
        {
            var inside = $"http://{target}{Port}/ok";
            var second = $"http://two.example{Port}/to?url={Uri.EscapeDataString(inside)}";
            var first = $"http://one.example{Port}/to?url={Uri.EscapeDataString(second)}";
            var outcome = await engine.GetAsync(first, """, "auth": "bearer", "token": "abc", "headers": { "Cookie": "c=1" }""");
            // "localhost" is a name without a record here; what the machine's resolver would say is another test's affair.
            if (target == "localhost")
                Assert.Equal("network", outcome.Error?.Code);
            else
                AssertRefused(outcome);
        }
        Assert.Equal(0, _servers.InsideConnections);
        Assert.All(_servers.Requests.Where(request => request.Host == "one.example"), request => Assert.Equal("Bearer abcc=1", request.Credentials));
        Assert.Equal(targets.Length, _servers.Requests.Count(request => request.Host == "two.example"));
        Assert.All(_servers.Requests.Where(request => request.Host == "two.example"), request => Assert.Empty(request.Credentials));
    }

    [Fact]
    public async Task A_failure_at_the_other_end_is_told_as_what_it_is()
    {
        await using var engine = await EngineAsync(new RebindingNames(("api.example", [["127.0.0.2"]])));

        var unknown = await engine.GetAsync("http://nowhere.example/");
        Assert.Equal(("network", "Step 'call': GET http://nowhere.example/ failed: the host 'nowhere.example' is not known."), (unknown.Error!.Code, unknown.Error.Message));
        var closed = await engine.GetAsync("http://api.example:1/");
        Assert.Equal("Step 'call': GET http://api.example:1/ failed: no connection to api.example:1 (ConnectionRefused).", closed.Error!.Message);
    }

    [Fact]
    public async Task A_connection_over_its_limit_of_bytes_is_cut_off()
    {
        await using var engine = await EngineAsync(new RebindingNames(("api.example", [["127.0.0.2"]])), options => options.ConnectionMiB = 2);

        var outcome = await engine.GetAsync($"http://api.example{Port}/big?mib=8");
        Assert.Equal("network", outcome.Error?.Code);
        AssertAnswered(await engine.GetAsync($"http://api.example{Port}/ok"));
    }

    [Fact]
    public async Task Many_calls_at_once_share_the_places_and_the_next_run_finds_them_free()
    {
        await using var engine = await EngineAsync(new RebindingNames(("api.example", [["127.0.0.2"]])), options => options.Connections = 4);

        for (var i = 0; i < 2; i++)
        {
            var outcome = await engine.RunAsync($$"""
                [{ "name": "each", "kind": "loop", "items": "{{"{{range(0, 40)}}"}}", "parallel": 20, "steps": [
                   { "name": "call", "kind": "action", "piece": "http", "action": "request", "input": { "url": "http://api.example{{Port}}/close" } } ] }]
                """);
            Assert.True(outcome.Status == RunStatus.Succeeded, outcome.Error?.Message);
        }
        Assert.Equal(80, _servers.Requests.Count);
    }
}
