using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Tests.Connections;

namespace Flows.Tests.Engine;

/// <summary>Steps whose connection has a token that runs out.</summary>
public sealed class UsingTokens : IAsyncLifetime
{
    private TokenService _service = null!;
    private readonly List<UsedConnection> _asked = [];

    public async Task InitializeAsync() => _service = await TokenService.StartAsync();

    public async Task DisposeAsync() => await _service.DisposeAsync();

    private string Steps => $$"""
        [{ "name": "call", "kind": "action", "piece": "http", "action": "request",
           "input": { "url": "{{_service.Url}}/api", "auth": "bearer", "token": "{{"{{connections.svc.accessToken}}"}}" } }]
        """;

    [Fact]
    public async Task A_token_that_runs_out_in_a_long_run_is_replaced_and_the_step_is_done_once_more()
    {
        var run = await WalkAsync(Steps, "an-old-token", request => Given(request, _service.Present));
        Assert.Equal(RunStatus.Succeeded, run.Outcome!.Status);
        Assert.Equal(("svc", TokenMark.Of("an-old-token")), (Assert.Single(_asked).Key, _asked[0].Token));
        Assert.Equal(1, run["call"].Attempt);
    }

    [Fact]
    public async Task Both_tokens_stay_masked()
    {
        const string Echo = """
            [{ "name": "call", "kind": "action", "piece": "http", "action": "request", "input": { "url": "SERVICE/api", "auth": "bearer", "token": "{{connections.svc.accessToken}}" } },
             { "name": "show", "kind": "action", "piece": "data", "action": "set", "input": { "value": { "new": "{{connections.svc.accessToken}}", "old": "a an-old-token b" } } }]
            """;
        var run = await WalkAsync(Echo.Replace("SERVICE", _service.Url, StringComparison.Ordinal), "an-old-token", request => Given(request, _service.Present));
        Assert.Equal(RunStatus.Succeeded, run.Outcome!.Status);
        var lines = string.Join('\n', run.Messages.SelectMany(message => message.Steps).Select(line => $"{line.Input}{line.Output}"));
        Assert.DoesNotContain("an-old-token", lines, StringComparison.Ordinal);
        Assert.DoesNotContain(_service.Present, lines, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_reason_why_there_is_no_other_token_is_the_steps_error()
    {
        var run = await WalkAsync(Steps, "an-old-token", request =>
            new HostCompleted(request.CallId, RawJson.Null, Error: new StepError("needs_sign_in", "the connection 'svc' needs a sign-in: invalid_grant.")));
        Assert.Equal(("needs_sign_in", "Step 'call': the connection 'svc' needs a sign-in: invalid_grant."), (run.Outcome!.Error!.Code, run.Outcome.Error.Message));
    }

    [Fact]
    public async Task A_service_that_does_not_take_the_new_token_either_is_not_asked_a_third_time()
    {
        var run = await WalkAsync(Steps, "an-old-token", request => Given(request, "also-not-good"));
        Assert.Equal("http_4xx", run.Outcome!.Error!.Code);
        Assert.Single(_asked);
    }

    [Fact]
    public async Task A_connection_that_needs_a_sign_in_fails_the_step_that_names_it_and_no_other()
    {
        var problems = new Dictionary<string, StepError> { ["svc"] = new("needs_sign_in", "the connection 'svc' needs a sign-in: nobody has signed in yet.") };
        var run = await WalkedRun.OfAsync(Steps, connectionProblems: problems);
        Assert.Equal("needs_sign_in", run.Outcome!.Error!.Code);
        var other = await WalkedRun.OfAsync("""[{ "name": "show", "kind": "action", "piece": "data", "action": "set", "input": { "value": { "a": 1 } } }]""", connectionProblems: problems);
        Assert.Equal(RunStatus.Succeeded, other.Outcome!.Status);
    }

    [Fact]
    public async Task A_token_that_was_late_when_the_run_began_is_asked_for_by_the_step()
    {
        var problems = new Dictionary<string, StepError> { ["svc"] = new(HostCalls.RenewalProblem, "the service is away.") };
        var run = await WalkedRun.OfAsync(Steps, connectionProblems: problems, host: request => Given(request, _service.Present));
        Assert.Equal((RunStatus.Succeeded, ""), (run.Outcome!.Status, Assert.Single(_asked).Token));

        var away = await WalkedRun.OfAsync(Steps.Replace("\"kind\"", "\"retry\": { \"attempts\": 2, \"delay\": \"00:00:00\" }, \"kind\"", StringComparison.Ordinal), connectionProblems: problems,
            host: request => new HostCompleted(request.CallId, RawJson.Null, Error: problems["svc"], IsTransient: true));
        Assert.Equal((HostCalls.RenewalProblem, 2), (away.Outcome!.Error!.Code, away["call"].Attempt));
    }

    private HostCompleted? Given(HostRequested request, string token)
    {
        if (request.Call != HostCalls.RefreshConnection)
            return null;
        _asked.Add(System.Text.Json.JsonSerializer.Deserialize(request.Arguments.Utf8.Span, HostCallJson.Default.UsedConnection)!);
        return new HostCompleted(request.CallId, Of(token));
    }

    private static Task<WalkedRun> WalkAsync(string steps, string token, Func<HostRequested, HostCompleted?> host) =>
        WalkedRun.OfAsync(steps, connections: new Dictionary<string, RawJson> { ["svc"] = Of(token) }, host: host);

    private static RawJson Of(string token) => RawJson.Parse($$"""{ "kind": "oauth2", "accessToken": "{{token}}" }""");
}
