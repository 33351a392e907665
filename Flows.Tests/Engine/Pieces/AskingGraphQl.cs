using Flows.Contracts.Runs;
using Microsoft.AspNetCore.Builder;

namespace Flows.Tests.Engine.Pieces;

public sealed class AskingGraphQl : IAsyncLifetime
{
    private readonly WebApplication _server = EchoServer.Create();

    public Task InitializeAsync() => _server.StartAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    private Task<WalkedRun> AskAsync(string query, string more = "") => WalkedRun.OfAsync(
        $$"""[{ "name": "ask", "kind": "action", "piece": "graphql", "action": "request", "input": { "url": "{{EchoServer.UrlOf(_server)}}/graphql", "query": "{{query}}", "variables": { "owner": "ada" }{{more}} } }]""");

    [Theory]
    [InlineData("query ($owner: String!) { repository(owner: $owner) { name } }", StepEffect.Idempotent)]
    [InlineData("# mutation\\n{ repository { name } }", StepEffect.Idempotent)]
    [InlineData("{ a(text: \\\"} mutation\\\") }", StepEffect.Idempotent)]
    [InlineData("mutation Rename { rename { id } }", StepEffect.Effect)]
    [InlineData("fragment F on R { id } mutation { rename { ...F } }", StepEffect.Effect)]
    public async Task A_query_may_be_repeated_and_a_mutation_may_not(string query, StepEffect effect)
    {
        var run = await AskAsync(query);
        Assert.True(run.Outcome!.Status == RunStatus.Succeeded, run.Outcome.Error?.Message);
        Assert.Equal(effect, run["ask"].Effect);
        Assert.Equal("ada", run.Outcome.Output!.Value.ToElement().GetProperty("data").GetProperty("repository").GetProperty("owner").GetString());
    }

    [Fact]
    public async Task Errors_of_the_service_fail_the_step_with_the_first_of_them_unless_they_are_wanted()
    {
        var failed = await AskAsync("{ broken }");
        var wanted = await AskAsync("{ broken }", ", \"failOnErrors\": false");

        Assert.Equal("graphql", failed.Outcome!.Error!.Code);
        Assert.Contains("no field 'broken'", failed.Outcome.Error.Message, StringComparison.Ordinal);
        Assert.Equal(1, wanted.Outcome!.Output!.Value.ToElement().GetProperty("errors").GetArrayLength());
    }
}
