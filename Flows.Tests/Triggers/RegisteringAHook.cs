using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Flows.Tests.Api;

namespace Flows.Tests.Triggers;

/// <summary>Hooks as the API keeps them: workers and services are nothing but requests.</summary>
[Collection(Platform.Apis)]
public sealed class RegisteringAHook(TwoReplicas replicas) : IClassFixture<TwoReplicas>, IAsyncLifetime
{
    private readonly TestDatabase _database = replicas.Database;
    private readonly ApiHost _api = replicas.First;

    public async Task InitializeAsync()
    {
        await _database.ScalarAsync("DELETE FROM flow_hooks");
        await _api.PostAsync("/api/v1/connections", """{ "key": "hub", "piece": "github", "value": { "token": "ghp_1" } }"""); // by the first test
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Publishing_registers_it_once_with_the_connection_and_a_secret_of_its_own()
    {
        var flow = await PublishAsync("engine");
        var taken = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => replicas.TakeAsync(i % 2 == 0 ? _api : replicas.Second, "w1")));
        var call = Assert.Single(taken.OfType<PieceClaim>());
        Assert.Equal((PieceCallKind.Enable, "github", "repository_event", (Guid?)flow), (call.Request.Kind, call.Request.Piece, call.Request.Part, call.Request.FlowId));
        Assert.Equal("ghp_1", call.Request.Connection!.Value.ToElement().GetProperty("token").GetString());
        Assert.StartsWith($"{_api.Http.BaseAddress}webhooks/{flow}/hooks/", call.Request.Hook!.Url, StringComparison.Ordinal);
        Assert.Matches("^[0-9a-f]{64}$", call.Request.Hook.Secret);
        Assert.Equal("new", await HealthAsync(flow));

        await replicas.AnswerAsync(replicas.Second, call, Done("""{ "id": 7 }"""));
        Assert.Equal("ok", await HealthAsync(flow));
        (await _api.PostAsync($"/api/v1/flows/{flow}/enable")).Ok(); // and nothing is to be done
        Assert.Null(await replicas.TakeAsync(_api, "w1"));
        Assert.DoesNotContain(call.Request.Hook.Secret, (string)(await _database.ScalarAsync("SELECT h::text FROM flow_hooks h WHERE flow_id = $1", flow))!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Disabling_takes_it_away_with_what_the_piece_has_kept()
    {
        var flow = await PublishAsync("engine");
        var enable = (await replicas.TakeAsync(_api, "w1"))!;
        await replicas.AnswerAsync(_api, enable, Done("""{ "id": 7 }"""));
        (await _api.PostAsync($"/api/v1/flows/{flow}/disable")).Ok();
        Assert.Equal("removing", await HealthAsync(flow));

        var disable = (await replicas.TakeAsync(_api, "w1"))!;
        Assert.Equal((PieceCallKind.Disable, enable.Request.Hook!.Url, 7),
            (disable.Request.Kind, disable.Request.Hook!.Url, disable.Request.Hook.State!.Value.ToElement().GetProperty("id").GetInt32()));
        await replicas.AnswerAsync(_api, disable, Done());
        (await _api.GetAsync($"/api/v1/flows/{flow}/trigger")).Problem(404);
    }

    [Fact]
    public async Task A_flow_that_is_enabled_while_its_hook_is_taken_away_gets_it_back()
    {
        var flow = await PublishAsync("engine");
        await replicas.AnswerAsync(_api, (await replicas.TakeAsync(_api, "w1"))!, Done("""{ "id": 7 }"""));
        (await _api.PostAsync($"/api/v1/flows/{flow}/disable")).Ok();
        var disable = (await replicas.TakeAsync(_api, "w1"))!;
        (await _api.PostAsync($"/api/v1/flows/{flow}/enable")).Ok();
        Assert.Null(await replicas.TakeAsync(_api, "w1")); // one call at a time
        await replicas.AnswerAsync(_api, disable, Done());

        var again = (await replicas.TakeAsync(_api, "w1"))!;
        Assert.Equal((PieceCallKind.Enable, disable.Id), (again.Request.Kind, again.Id));
        await replicas.AnswerAsync(_api, again, Done("""{ "id": 8 }"""));
        Assert.Equal("ok", await HealthAsync(flow));
    }

    [Fact]
    public async Task Another_repository_gets_another_hook_and_the_old_one_is_taken_away()
    {
        var flow = await PublishAsync("engine");
        var first = (await replicas.TakeAsync(_api, "w1"))!;
        await replicas.AnswerAsync(_api, first, Done());
        (await _api.SendAsync(HttpMethod.Put, $"/api/v1/flows/{flow}/draft", Definition("brakes"))).Ok();
        (await _api.PostAsync($"/api/v1/flows/{flow}/publish")).Ok();

        var calls = new[] { (await replicas.TakeAsync(_api, "w1"))!, (await replicas.TakeAsync(_api, "w1"))! }.OrderBy(call => call.Request.Kind).ToArray();
        Assert.Equal((PieceCallKind.Enable, "brakes"), (calls[0].Request.Kind, calls[0].Request.Input.ToElement().GetProperty("repository").GetString()));
        Assert.Equal((PieceCallKind.Disable, first.Id, "engine"), (calls[1].Request.Kind, calls[1].Id, calls[1].Request.Input.ToElement().GetProperty("repository").GetString()));
        Assert.NotEqual(first.Request.Hook!.Url, calls[0].Request.Hook!.Url);
    }

    [Fact]
    public async Task A_service_that_refuses_is_shown_tried_again_and_at_last_left_in_peace()
    {
        var flow = await PublishAsync("engine");
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(i == 0 ? "new" : "failing", await HealthAsync(flow));
            await _database.ScalarAsync("UPDATE flow_hooks SET due_at = now() - interval '1 h' WHERE flow_id = $1", flow);
            await replicas.AnswerAsync(_api, (await replicas.TakeAsync(_api, "w1"))!,
                new PieceAnswer(Guid.Empty, new StepError("http_4xx", "github.repository_event: GitHub answered with status 404: Not Found.")));
        }
        var view = (await _api.GetAsync($"/api/v1/flows/{flow}/trigger")).Ok();
        Assert.Equal(("paused", JsonValueKind.Null), (view["health"].GetString(), view["nextCallAt"].ValueKind));
        Assert.Contains("asked 3 times to register the address", view["pausedReason"].GetString(), StringComparison.Ordinal);
        Assert.Null(await replicas.TakeAsync(_api, "w1"));

        (await _api.PostAsync($"/api/v1/flows/{flow}/trigger/check")).Ok(202);
        Assert.Equal(PieceCallKind.Enable, (await replicas.TakeAsync(_api, "w1"))?.Request.Kind);
    }

    [Fact]
    public async Task Events_that_are_signed_start_one_run_each_and_others_start_nothing()
    {
        var flow = await PublishAsync("engine");
        var hook = (await replicas.TakeAsync(_api, "w1"))!.Request.Hook!;

        using (var pinged = await SendAsync(hook, "ping", "d-0", """{ "zen": "Design for failure." }"""))
            Assert.Equal((HttpStatusCode.OK, """{"ignored":"ping"}"""), (pinged.StatusCode, await pinged.Content.ReadAsStringAsync()));
        using (var forged = await SendAsync(hook with { Secret = "guessed" }, "push", "d-1", "{}"))
            Assert.Equal(HttpStatusCode.Unauthorized, forged.StatusCode);
        using (var first = await SendAsync(hook, "push", "d-1", """{ "ref": "refs/heads/main" }"""))
        using (var again = await SendAsync(hook, "push", "d-1", """{ "ref": "refs/heads/main" }"""))
        {
            Assert.Equal((HttpStatusCode.Accepted, HttpStatusCode.Accepted), (first.StatusCode, again.StatusCode));
            Assert.Equal(await first.Content.ReadAsStringAsync(), await again.Content.ReadAsStringAsync());
            Assert.Equal("true", again.Headers.GetValues("Idempotency-Replayed").Single());
        }
        using (var broken = await SendAsync(hook, "push", "d-2", "{ no json"))
            Assert.Equal(HttpStatusCode.BadRequest, broken.StatusCode);

        Assert.Equal(1L, await _database.ScalarAsync("SELECT count(*) FROM runs WHERE flow_id = $1", flow));
        Assert.Equal("""{"event":"push","id":"d-1","data":{ "ref": "refs/heads/main" }}""", await _database.ScalarAsync("SELECT trigger::text FROM runs WHERE flow_id = $1", flow));
    }

    [Fact]
    public async Task An_address_that_is_no_longer_wanted_takes_nothing()
    {
        var flow = await PublishAsync("engine");
        var hook = (await replicas.TakeAsync(_api, "w1"))!.Request.Hook!;
        (await _api.PostAsync($"/api/v1/flows/{flow}/disable")).Ok();
        using var late = await SendAsync(hook, "push", "d-1", "{}");
        Assert.Equal(HttpStatusCode.NotFound, late.StatusCode);
        using var elsewhere = await SendAsync(hook with { Url = hook.Url.Replace(flow.ToString(), Guid.CreateVersion7().ToString(), StringComparison.Ordinal) }, "push", "d-1", "{}");
        Assert.Equal(HttpStatusCode.NotFound, elsewhere.StatusCode);
        (await _api.PostAsync($"/webhooks/{flow}")).Problem(409);
    }

    [Fact]
    public async Task A_connection_that_is_deleted_is_the_error_of_the_hook()
    {
        await _api.PostAsync("/api/v1/connections", """{ "key": "spare", "piece": "github", "value": { "token": "ghp_2" } }""");
        var spare = (await _api.GetAsync("/api/v1/connections")).Ok()["items"].EnumerateArray().Single(item => item.GetProperty("key").GetString() == "spare").GetProperty("id").GetGuid();
        await PublishAsync("engine", "spare");
        (await _api.DeleteAsync($"/api/v1/connections/{spare}")).Ok(204);
        var call = (await replicas.TakeAsync(_api, "w1"))!;
        Assert.Null(call.Request.Connection);
        using var http = Flows.Tests.Engine.Pieces.OpenNetwork.CreateHttp();
        var answer = await new Flows.Engine.Pieces.PieceCalls(Flows.Engine.Pieces.PieceCatalog.All, http, TimeProvider.System).AnswerAsync(call.Request, default);
        Assert.Equal(("input", "github.repository_event: there is no connection 'spare' in this project any more."), (answer.Error!.Code, answer.Error.Message));
    }

    [Fact]
    public async Task A_trigger_without_its_connection_is_not_published()
    {
        var definition = Definition("engine").Replace("\"connection\": \"hub\", ", "", StringComparison.Ordinal);
        var errors = (await _api.PostAsync("/api/v1/flows", $$"""{ "name": "Hook", "definition": {{definition}} }""")).Problem(400);
        Assert.Contains(errors, error => error.Contains("needs a connection (Access token)", StringComparison.Ordinal));
        var made = (await _api.PostAsync("/api/v1/flows", $$"""{ "name": "Hook", "definition": {{Definition("engine").Replace("\"hub\"", "\"nub\"", StringComparison.Ordinal)}} }""")).Ok(201);
        Assert.Contains("There is no connection 'nub'", Assert.Single((await _api.PostAsync($"/api/v1/flows/{made["id"].GetGuid()}/publish")).Problem(400)), StringComparison.Ordinal);
    }

    private static string Definition(string repository, string connection = "hub") => $$"""
        { "schema": 1, "trigger": { "piece": "github", "event": "repository_event", "connection": "{{connection}}", "input": { "owner": "ada", "repository": "{{repository}}", "events": ["push"] } },
          "steps": [] }
        """;

    private async Task<Guid> PublishAsync(string repository, string connection = "hub")
    {
        var made = (await _api.PostAsync("/api/v1/flows", $$"""{ "name": "Hook", "definition": {{Definition(repository, connection)}} }""")).Ok(201);
        var flow = made["id"].GetGuid();
        (await _api.PostAsync($"/api/v1/flows/{flow}/publish")).Ok();
        return flow;
    }

    private async Task<string?> HealthAsync(Guid flow) => (await _api.GetAsync($"/api/v1/flows/{flow}/trigger")).Ok()["health"].GetString();

    private static PieceAnswer Done(string? state = null) => new(Guid.Empty, State: state is null ? null : RawJson.Parse(state));

    /// <summary>As GitHub sends: the body signed with the hook's secret.</summary>
    private async Task<HttpResponseMessage> SendAsync(HookTerms hook, string name, string delivery, string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, hook.Url) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("X-GitHub-Event", name);
        request.Headers.Add("X-GitHub-Delivery", delivery);
        request.Headers.Add("X-Hub-Signature-256", $"sha256={Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(hook.Secret), Encoding.UTF8.GetBytes(body)))}");
        return await _api.Http.SendAsync(request);
    }
}
