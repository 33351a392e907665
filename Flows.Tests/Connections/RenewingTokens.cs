using System.Text.Json;
using Flows.Api.Connections;
using Flows.Api.Connections.OAuth;
using Flows.Api.PieceQuestions;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Flows.Tests.Runs;
using Microsoft.AspNetCore.Http;

namespace Flows.Tests.Connections;

[Collection(nameof(Platform))]
public sealed class RenewingTokens(RunsDatabase database) : IClassFixture<RunsDatabase>, IAsyncLifetime
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private RunsHost _host = null!;
    private TokenService _service = null!;
    private string _key = "";
    private Guid _id;

    public async Task InitializeAsync()
    {
        _service = await TokenService.StartAsync();
        _host = await StartHostAsync();
        _key = $"k{Guid.CreateVersion7():N}";
        // As a sign-in leaves it.
        _id = await AddAsync(await SignedInAsync());
    }

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        await _service.DisposeAsync();
    }

    [Fact]
    public async Task A_claim_gets_a_fresh_token_and_nothing_else_of_the_connection()
    {
        await SetAsync(await TokensAsync() with { ObtainedAt = Now.AddHours(-1), ExpiresAt = Now.AddSeconds(30) });
        var claim = await ClaimAsync();
        Assert.Equal("""{"kind":"oauth2","accessToken":"access-token-2"}""", claim.Connections[_key].ToString());
        Assert.Null(claim.ConnectionProblems);
        var all = JsonSerializer.Serialize(claim, WorkerJson.Default.Options);
        Assert.DoesNotContain("refresh-token", all, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", all, StringComparison.Ordinal);

        // The next one finds it there.
        Assert.Equal("""{"kind":"oauth2","accessToken":"access-token-2"}""", (await ClaimAsync()).Connections[_key].ToString());
        Assert.Single(_service.Asked, form => form["grant_type"] == "refresh_token");
    }

    [Fact]
    public async Task Of_many_callers_in_two_replicas_one_renews_and_all_have_the_new_token()
    {
        await using var other = await StartHostAsync();
        await SetAsync(await TokensAsync() with { ExpiresAt = Now.AddSeconds(-1) });
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        (_service.Gate, _service.CameIn) = (gate.Task, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

        var here = Enumerable.Range(0, 5).Select(_ => _host.Get<TokenKeeper>().RenewAsync(_id, refused: null, default)).ToList();
        await _service.CameIn.Task.WaitAsync(s_limit);
        var there = Enumerable.Range(0, 5).Select(_ => other.Get<TokenKeeper>().RenewAsync(_id, refused: null, default)).ToList();
        await UntilAsync("the other replica waits for the row",
            "SELECT exists (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%FOR NO KEY UPDATE%')");
        gate.SetResult();

        var renewals = await Task.WhenAll([.. here, .. there]).WaitAsync(s_limit);
        Assert.All(renewals, renewal => Assert.Equal("access-token-2", renewal.Tokens?.AccessToken));
        Assert.Single(_service.Asked, form => form["grant_type"] == "refresh_token");
    }

    [Fact]
    public async Task A_refused_renewal_asks_for_a_sign_in_and_the_step_says_so()
    {
        await SetAsync(await TokensAsync() with { RefreshToken = "stolen-and-used-1", ExpiresAt = Now.AddSeconds(-1) });
        var claim = await ClaimAsync();
        Assert.DoesNotContain(_key, claim.Connections.Keys);
        var problem = claim.ConnectionProblems![_key];
        Assert.Equal("needs_sign_in", problem.Code);
        Assert.StartsWith($"the connection '{_key}' needs a sign-in: 127.0.0.1 answered with status 400: invalid_grant", problem.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("stolen", problem.Message, StringComparison.Ordinal); // what the service repeats is masked

        var asked = _service.Asked.Count;
        Assert.Equal("needs_sign_in", (await ClaimAsync()).ConnectionProblems![_key].Code);
        Assert.Equal(asked, _service.Asked.Count);
    }

    [Fact]
    public async Task While_the_service_is_away_the_old_token_is_handed_out_and_the_service_is_left_in_peace()
    {
        await SetAsync(await TokensAsync() with { ObtainedAt = Now.AddHours(-1), ExpiresAt = Now.AddSeconds(5) });
        _service.Answer = () => Results.StatusCode(503);
        Assert.Equal("""{"kind":"oauth2","accessToken":"access-token-1"}""", (await ClaimAsync()).Connections[_key].ToString());
        Assert.Equal(0, await database.ValueAsync<short>("SELECT status FROM connections WHERE id = $1", _id));

        await database.ExecuteAsync("UPDATE connections SET renew_at = now() + interval '1 hour' WHERE id = $1", _id);
        var asked = _service.Asked.Count;
        var renewal = await _host.Get<TokenKeeper>().RenewAsync(_id, refused: null, default);
        Assert.Equal((true, "connection_renewal"), (renewal.IsPassing, renewal.Problem!.Code));
        Assert.Contains("status 503", renewal.Problem.Message, StringComparison.Ordinal);
        Assert.Equal(asked, _service.Asked.Count);

        _service.Answer = null;
        await database.ExecuteAsync("UPDATE connections SET renew_at = now() - interval '1 second' WHERE id = $1", _id);
        Assert.NotNull((await _host.Get<TokenKeeper>().RenewAsync(_id, refused: null, default)).Tokens);
    }

    [Fact]
    public async Task A_step_whose_token_was_refused_gets_another_one_once()
    {
        await SetAsync(await TokensAsync() with { ObtainedAt = Now.AddMinutes(-10) });
        var run = await RunAsync();
        var claim = await _host.ClaimAsync(run);
        var old = TokenMark.Of("access-token-1");

        var renewed = await AskAsync(run, claim!.Attempt, new UsedConnection(_key, old));
        Assert.Equal("""{"kind":"oauth2","accessToken":"access-token-2"}""", renewed.Result.ToString());
        // Another step with the same old token: it is not the present one any more.
        Assert.Equal(renewed.Result.ToString(), (await AskAsync(run, claim.Attempt, new UsedConnection(_key, old))).Result.ToString());
        // One that was made just now is not bettered by another.
        var refused = await AskAsync(run, claim.Attempt, new UsedConnection(_key, TokenMark.Of("access-token-2")));
        Assert.Equal(("unauthorized", false), (refused.Error!.Code, refused.IsTransient));
        // Nothing that the flow does not name.
        Assert.Equal("input", (await AskAsync(run, claim.Attempt, new UsedConnection("other", old))).Error!.Code);
        Assert.Single(_service.Asked, form => form["grant_type"] == "refresh_token");
    }

    [Fact]
    public async Task A_call_outside_of_a_run_whose_token_was_refused_gets_another_one_while_it_is_the_workers()
    {
        await SetAsync(await TokensAsync() with { ObtainedAt = Now.AddMinutes(-10) });
        var asked = _host.Get<PieceQuestionDesk>().AskAsync(database.Project, new PieceQuestionOf(PieceCallKind.Test, "svc", "", RawJson.Parse("{}"), _key), default);
        PieceClaim? call = null;
        for (var i = 0; i < 60 && call is null; i++) // each look waits for a second where there is nothing
            call = (await _host.SendAsync(WorkerRoutes.NextPieceCall, new PieceQuestion("w1"), WorkerJson.Default.PieceQuestion, WorkerJson.Default.PieceOffer)).Call;
        Assert.Equal("""{"kind":"oauth2","accessToken":"access-token-1"}""", call!.Request.Connection.ToString());

        var old = TokenMark.Of("access-token-1");
        Assert.Equal("""{"kind":"oauth2","accessToken":"access-token-2"}""", (await RenewAsync("w1", old)).Connection.ToString());
        Assert.Equal("unauthorized", (await RenewAsync("w1", TokenMark.Of("access-token-2"))).Problem!.Code); // made just now
        await Assert.ThrowsAsync<HttpRequestException>(() => RenewAsync("w2", old));

        await _host.SendAsync(WorkerRoutes.PieceAnswer, new PieceReport("w1", call.Id, call.Attempt, PieceCallKind.Test, new PieceAnswer(call.Id, Account: "ada")), WorkerJson.Default.PieceReport, WorkerJson.Default.PieceTaken);
        Assert.Equal("ada", (await asked.WaitAsync(s_limit)).Answer!.Account);
        await Assert.ThrowsAsync<HttpRequestException>(() => RenewAsync("w1", old));
        Assert.Single(_service.Asked, form => form["grant_type"] == "refresh_token");

        Task<OtherToken> RenewAsync(string worker, string refused) => _host.SendAsync(
            WorkerRoutes.PieceToken, new RefusedToken(worker, call.Id, call.Attempt, PieceCallKind.Test, refused), WorkerJson.Default.RefusedToken, WorkerJson.Default.OtherToken);
    }

    [Fact]
    public async Task Tokens_are_renewed_before_their_end_without_being_asked_for()
    {
        await SetAsync(await TokensAsync() with { ObtainedAt = Now.AddMinutes(-56), ExpiresAt = Now.AddMinutes(4) });
        await database.ExecuteAsync("UPDATE connections SET renew_at = now() - interval '1 second' WHERE id = $1", _id);
        await _host.Get<TokenRenewer>().SweepAsync(default);
        // The host's own look may have taken it first.
        await UntilAsync("the token is renewed", $"SELECT renew_at > now() + interval '50 minutes' FROM connections WHERE id = '{_id}'");
        Assert.Equal("access-token-2", (await TokensAsync()).AccessToken);

        var asked = _service.Asked.Count;
        await _host.Get<TokenRenewer>().SweepAsync(default);
        Assert.Equal(asked, _service.Asked.Count);
    }

    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    private async Task<RunsHost> StartHostAsync() => await RunsHost.StartAsync(database, new() { ["Flows:Execution:Allow"] = "127.0.0.0/8" });

    private async Task<OAuthTokens> SignedInAsync()
    {
        var (settings, _) = OAuthSettings.Of(_service.Fields().ToDictionary(field => field.Key, field => JsonSerializer.SerializeToElement(field.Value)), piece: null, app: null);
        var challenge = Microsoft.AspNetCore.WebUtilities.WebEncoders.Base64UrlEncode(System.Security.Cryptography.SHA256.HashData("verifier"u8));
        var back = _service.SignIn($"{_service.Url}/authorize?tenant=1&response_type=code&client_id={TokenService.ClientId}&redirect_uri=http%3A%2F%2Fhere%2F&state=s&scope=rows.read%20rows.write&code_challenge={challenge}&code_challenge_method=S256&access_type=offline");
        var code = Microsoft.AspNetCore.WebUtilities.QueryHelpers.ParseQuery(back.Query)["code"].ToString();
        return (await _host.Get<TokenEndpoint>().ExchangeAsync(settings!, code, "http://here/", "verifier", default)).Tokens!;
    }

    private async Task<Guid> AddAsync(OAuthTokens tokens)
    {
        var id = Guid.CreateVersion7();
        var fields = JsonSerializer.SerializeToUtf8Bytes(_service.Fields());
        await database.ExecuteAsync(
            "INSERT INTO connections (id, project_id, key, name, kind, sealed, shown, created_at, updated_at) VALUES ($1, $2, $3, $3, 'oauth2', $4, '{}', now(), now())",
            id, database.Project, _key, _host.Get<SecretEnvelope>().Seal(fields, Connection.PlaceOf(database.Project, id)));
        _id = id;
        await SetAsync(tokens);
        return id;
    }

    private async Task SetAsync(OAuthTokens tokens) => await database.ExecuteAsync("UPDATE connections SET tokens = $2, expires_at = $3 WHERE id = $1",
        _id, _host.Get<SecretEnvelope>().Seal(tokens.ToBytes(), OAuthConnections.TokensPlace(database.Project, _id)), tokens.ExpiresAt!);

    private async Task<OAuthTokens> TokensAsync() => OAuthTokens.From(_host.Get<SecretEnvelope>().Open(
        await database.ValueAsync<byte[]>("SELECT tokens FROM connections WHERE id = $1", _id), OAuthConnections.TokensPlace(database.Project, _id)));

    private async Task<Guid> RunAsync()
    {
        var (flow, _) = await database.PublishAsync($$"""
            { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
              "steps": [ { "name": "a", "kind": "action", "piece": "p", "action": "x", "connection": "{{_key}}", "input": {} } ] }
            """);
        return await _host.StartRunAsync(flow);
    }

    private async Task<RunClaim> ClaimAsync() => (await _host.ClaimAsync(await RunAsync()))!;

    private Task<HostCallResponse> AskAsync(Guid run, int attempt, UsedConnection used) => _host.SendAsync(
        WorkerRoutes.HostCall.Replace("{runId}", run.ToString(), StringComparison.Ordinal),
        new HostCallRequest("w1", attempt, HostCalls.RefreshConnection, RawJson.FromUtf8(JsonSerializer.SerializeToUtf8Bytes(used, HostCallJson.Default.UsedConnection))),
        WorkerJson.Default.HostCallRequest, WorkerJson.Default.HostCallResponse);

    private async Task UntilAsync(string what, string condition)
    {
        using var limit = new CancellationTokenSource(s_limit);
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (!await database.ValueAsync<bool>(condition))
        {
            Assert.False(limit.IsCancellationRequested, $"Not in time: {what}.");
            await tick.WaitForNextTickAsync(CancellationToken.None);
        }
    }
}
