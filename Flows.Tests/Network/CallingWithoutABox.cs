using System.Text.Json;
using Flows.Api.Outbound;
using Flows.Contracts.Network;
using Flows.Contracts.Runs;
using Flows.Tests.Engine;
using Flows.Tests.Worker;
using Flows.Worker.Egress;
using Flows.Worker.Sandbox;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Flows.Tests.Network;

/// <summary>The same policy where the engine, or the API, has the machine's network and keeps to the policy itself.</summary>
public sealed class CallingWithoutABox : IAsyncLifetime
{
    private InsideAndOutside _servers = null!;

    public async Task InitializeAsync() => _servers = await InsideAndOutside.StartAsync();

    public async Task DisposeAsync() => await _servers.DisposeAsync();

    private string Call(string host, string path = "/ok") =>
        $$"""{ "name": "call", "kind": "action", "piece": "http", "action": "request", "input": { "url": {{JsonSerializer.Serialize($"http://{host}:{_servers.Port}{path}")}} } }""";

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("localhost")]
    [InlineData("LOCALHOST.")]
    [InlineData("2130706433")]
    [InlineData("0x7f000001")]
    [InlineData("017700000001")]
    [InlineData("0x7f.1")]
    [InlineData("127.1")]
    [InlineData("127.0.0.1.")]
    [InlineData("0")]
    [InlineData("0.0.0.0")]
    [InlineData("[::1]")]
    [InlineData("[::]")]
    [InlineData("[::ffff:127.0.0.1]")]
    [InlineData("[::ffff:7f00:1]")]
    [InlineData("[64:ff9b::7f00:1]")]
    [InlineData("１２７.０.０.１")]
    [InlineData("127。0。0。1")]
    [InlineData("①②⑦.⓪.⓪.①")]
    [InlineData("%31%32%37.0.0.1")]
    [InlineData("169.254.169.254")]
    [InlineData("[fe80::1%25lo]")]
    public async Task No_spelling_of_an_inside_address_gets_there(string host)
    {
        var run = await WalkedRun.OfAsync($"[{Call(host)}]", network: new NetworkSettings());
        // Some are no host to the URL's parser, or a name nobody knows.
        Assert.Contains(run.Outcome!.Error!.Code, (string[])["network_refused", "input", "network"]);
        Assert.Equal(0, _servers.InsideConnections);
    }

    [Fact]
    public async Task A_worker_hands_its_policy_to_its_engines()
    {
        var flow = $$"""{ "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "start", "input": {} }, "steps": [{{Call("127.0.0.1")}}] }""";
        await using (var strict = await WorkerUnderTest.StartAsync(s_engine, settings: [("Flows:Execution:Allow", InsideAndOutside.Outside), ("Flows:Worker:Concurrency", "1")]))
        {
            var refused = strict.AddFlow(flow);
            await strict.HandleAsync(refused);
            Assert.Equal(("network_refused", "call"), (refused.Outcome!.Error?.Code, refused.Outcome.FailedStep));
            Assert.Equal(0, _servers.InsideConnections);

            var outside = strict.AddFlow(flow.Replace("127.0.0.1", InsideAndOutside.Outside, StringComparison.Ordinal));
            await strict.HandleAsync(outside);
            Assert.Null(outside.Outcome!.Error);
        }

        await using var open = await WorkerUnderTest.StartAsync(s_engine, settings: [("Flows:Execution:Network", "UNRESTRICTED"), ("Flows:Execution:Allow", ""), ("Flows:Worker:Concurrency", "1")]);
        var run = open.AddFlow(flow);
        await open.HandleAsync(run);
        Assert.Null(run.Outcome!.Error);
        Assert.Equal(1, _servers.InsideConnections);
    }

    // A step is given no way to the network; this one takes it through a function of the process that runs it.
    private const string BreakingOut = """
        export default () => new Promise((resolve, reject) => {
          const http = URL.constructor('return process')().getBuiltinModule('node:http');
          http.get('http://127.0.0.1:PORT/ok', answer => resolve(answer.statusCode)).on('error', reject);
        });
        """;

    [Theory]
    [InlineData("STRICT")]
    [InlineData("UNRESTRICTED")]
    public async Task Code_has_no_network_in_STRICT_where_the_machine_can_take_it_away(string network)
    {
        await using var worker = await WorkerUnderTest.StartAsync(s_engine, settings: [("Flows:Execution:Network", network), ("Flows:Worker:Concurrency", "1")]);
        var run = worker.AddFlow($$"""
            { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "start", "input": {} },
              "steps": [{ "name": "call", "kind": "code", "language": "javascript", "source": {{JsonSerializer.Serialize(BreakingOut.Replace("PORT", $"{_servers.Port}", StringComparison.Ordinal))}} }] }
            """);
        await worker.HandleAsync(run);

        var isTakenAway = network == "STRICT" && await worker.Services.GetRequiredService<NetworkNamespace>().FindLauncherAsync() is not null;
        Assert.Equal(isTakenAway ? "code_error" : null, run.Outcome!.Error?.Code);
        Assert.Equal(isTakenAway ? 0 : 1, _servers.InsideConnections);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("--network STRICT", true)]
    [InlineData("--network STRICT --allow 127.0.0.0/8", false)]
    [InlineData("--network UNRESTRICTED --deny 127.0.0.1", true)]
    [InlineData("--network UNRESTRICTED", false)]
    public async Task An_engine_that_shares_the_network_keeps_to_its_command_line(string arguments, bool isRefused)
    {
        await using var engine = await EngineUnderTest.StartAsync(new EngineEgress([], arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        var outcome = await engine.GetAsync($"http://127.0.0.1:{_servers.Port}/ok");
        Assert.Equal(isRefused ? "network_refused" : null, outcome.Error?.Code);
        Assert.Equal(isRefused ? 0 : 1, _servers.InsideConnections);
    }

    private static readonly string s_engine = Path.Combine(AppContext.BaseDirectory, "Flows.Engine");

    [Fact]
    public async Task A_failure_branch_can_tell_a_refusal_and_it_is_not_tried_again()
    {
        var run = await WalkedRun.OfAsync($$"""
            [{ "name": "call", "kind": "action", "piece": "http", "action": "request", "retry": { "attempts": 3, "delay": "00:00:00" }, "onError": "continue",
               "input": { "url": "http://127.0.0.1:{{_servers.Port}}/ok" } },
             { "name": "answer", "kind": "respond", "body": "{{"{{errors.call.code}}"}}" }]
            """, network: new NetworkSettings());
        Assert.Equal("\"network_refused\"", run.Response!.Body.ToString());
        Assert.Equal(1, run["call"].Attempt);
    }

    [Fact]
    public async Task The_API_calls_out_under_the_same_policy()
    {
        using var outbound = new OutboundHttp(Options.Create(new NetworkOptions { Allow = InsideAndOutside.Outside }));
        Assert.Equal("outside", await outbound.Client.GetStringAsync($"http://{InsideAndOutside.Outside}:{_servers.Port}/ok"));

        foreach (var host in (string[])["127.0.0.1", "localhost", "[::1]", "2130706433", "169.254.169.254"])
        {
            var error = await Assert.ThrowsAsync<HttpRequestException>(() => outbound.Client.GetStringAsync($"http://{host}:{_servers.Port}/ok"));
            Assert.NotNull(NetworkRefusedException.In(error));
        }
        // Followed only by whoever has looked at the address.
        using var redirect = await outbound.Client.GetAsync($"http://{InsideAndOutside.Outside}:{_servers.Port}/to?url=http://127.0.0.1:{_servers.Port}/ok");
        Assert.Equal(System.Net.HttpStatusCode.Redirect, redirect.StatusCode);
        Assert.Equal(0, _servers.InsideConnections);
    }
}
