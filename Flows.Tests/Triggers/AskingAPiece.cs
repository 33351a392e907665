using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Flows.Tests.Api;
using Microsoft.Extensions.DependencyInjection;

namespace Flows.Tests.Triggers;

/// <summary>Options and tests of connections as the API asks them: the worker is nothing but requests.</summary>
[Collection(Platform.Apis)]
public sealed class AskingAPiece(TwoReplicas replicas) : IClassFixture<TwoReplicas>, IAsyncLifetime
{
    private readonly ApiHost _api = replicas.First;
    private Guid _connection;

    public async Task InitializeAsync()
    {
        _connection = (await _api.PostAsync("/api/v1/connections", $$"""{ "key": "c{{Guid.CreateVersion7():n}}", "piece": "github", "value": { "token": "ghp_1" } }""")).Ok(201)["id"].GetGuid();
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task The_worker_of_one_replica_answers_the_question_of_another()
    {
        var asked = _api.PostAsync($"/api/v1/connections/{_connection}/test");
        var call = await NextAsync(replicas.Second);
        Assert.Equal((PieceCallKind.Test, "github", ""), (call.Request.Kind, call.Request.Piece, call.Request.Part));
        Assert.Equal("ghp_1", call.Request.Connection!.Value.ToElement().GetProperty("token").GetString());
        Assert.Equal(0, await replicas.AnswerAsync(replicas.Second, call, new PieceAnswer(call.Id, Account: "ada")));
        var answer = (await asked).Ok();
        Assert.Equal((true, "ada"), (answer["ok"].GetBoolean(), answer["account"].GetString()));
        Assert.Equal(0L, await replicas.Database.ScalarAsync("SELECT count(*) FROM piece_questions"));
    }

    [Fact]
    public async Task What_the_service_does_not_take_is_an_answer_too()
    {
        var asked = _api.PostAsync($"/api/v1/connections/{_connection}/test");
        var call = await NextAsync(_api);
        await replicas.AnswerAsync(_api, call, new PieceAnswer(call.Id, new StepError("unauthorized", "github: GitHub does not accept the connection's credentials (status 401).")));
        var answer = (await asked).Ok();
        Assert.Equal((false, "unauthorized"), (answer["ok"].GetBoolean(), answer["code"].GetString()));
    }

    [Fact]
    public async Task Options_are_asked_with_what_the_form_holds_and_what_was_typed()
    {
        var key = (await _api.GetAsync($"/api/v1/connections/{_connection}")).Ok()["key"].GetString();
        var asked = _api.PostAsync("/api/v1/pieces/github/options", $$"""{ "source": "repositories", "connection": "{{key}}", "search": "eng", "input": { "owner": "ada" } }""");
        var call = await NextAsync(_api);
        Assert.Equal((PieceCallKind.Options, "repositories", "eng", "ada"),
            (call.Request.Kind, call.Request.Part, call.Request.Search, call.Request.Input.ToElement().GetProperty("owner").GetString()));
        await replicas.AnswerAsync(_api, call, new PieceAnswer(call.Id, Options: [new PropOption("engine", "engine")]));
        Assert.Equal("engine", (await asked).Ok()["items"][0].GetProperty("value").GetString());

        var refused = _api.PostAsync("/api/v1/pieces/github/options", $$"""{ "source": "owners", "connection": "{{key}}" }""");
        call = await NextAsync(_api);
        await replicas.AnswerAsync(_api, call, new PieceAnswer(call.Id, new StepError("http_5xx", "github.owners: GitHub answered with status 502."), IsTransient: true));
        var problem = await refused;
        problem.Problem(422);
        Assert.Equal(("http_5xx", true), (problem["code"].GetString(), problem["isTransient"].GetBoolean()));
    }

    [Fact]
    public async Task The_samples_of_a_flow_or_those_of_the_question_go_along_for_the_expressions_in_the_form()
    {
        var key = (await _api.GetAsync($"/api/v1/connections/{_connection}")).Ok()["key"].GetString();
        var flow = (await _api.PostAsync("/api/v1/flows", new { name = "Sampled" })).Ok(201)["id"].GetString();
        (await _api.SendAsync(HttpMethod.Put, $"/api/v1/flows/{flow}/samples/trigger", """{ "output": { "owner": "ada" } }""")).Ok();
        async Task<PreviewContext?> ContextOfAsync(string more)
        {
            var asked = _api.PostAsync("/api/v1/pieces/github/options", $$$"""{ "source": "repositories", "connection": "{{{key}}}", "input": { "owner": "{{trigger.owner}}" }{{{more}}} }""");
            var call = await NextAsync(_api);
            await replicas.AnswerAsync(_api, call, new PieceAnswer(call.Id, Options: []));
            (await asked).Ok();
            return call.Request.Context is { } context ? System.Text.Json.JsonSerializer.Deserialize(context.Utf8.Span, EngineJson.Default.PreviewContext) : null;
        }

        Assert.Null(await ContextOfAsync(""));
        Assert.Equal("ada", (await ContextOfAsync($", \"flowId\": \"{flow}\""))!.Trigger!.Value.ToElement().GetProperty("owner").GetString());
        Assert.Equal("bob", (await ContextOfAsync(""", "context": { "trigger": "bob", "steps": { "a": 1 } }"""))!.Trigger!.Value.ToElement().GetString());
        Assert.Contains("There is no flow", Assert.Single((await _api.PostAsync("/api/v1/pieces/github/options",
            $$"""{ "source": "owners", "connection": "{{key}}", "flowId": "{{Guid.CreateVersion7()}}" }""")).Problem(400)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_sample_is_what_the_service_has_now_and_else_what_is_described()
    {
        var asked = _api.PostAsync("/api/v1/pieces/rss/triggers/new_item/sample", """{ "input": { "url": "https://example.com/feed" } }""");
        var call = await NextAsync(_api);
        Assert.Equal((PieceCallKind.Sample, "new_item"), (call.Request.Kind, call.Request.Part));
        await replicas.AnswerAsync(_api, call, new PieceAnswer(call.Id, Events: new TriggerEvents([new("1", RawJson.Parse("""{ "n": 1 }""")), new("2", RawJson.Parse("""{ "n": 2 }"""))])));
        var real = (await asked).Ok();
        Assert.True(real["isReal"].GetBoolean());
        Assert.Equal([2, 1], real["items"].EnumerateArray().Select(item => item.GetProperty("n").GetInt32()));

        asked = _api.PostAsync("/api/v1/pieces/rss/triggers/new_item/sample", "{}");
        call = await NextAsync(_api);
        await replicas.AnswerAsync(_api, call, new PieceAnswer(call.Id, Events: new TriggerEvents([])));
        var described = (await asked).Ok();
        Assert.Equal((false, "Hello"), (described["isReal"].GetBoolean(), described["items"][0].GetProperty("title").GetString()));
        Assert.False((await _api.PostAsync("/api/v1/pieces/github/triggers/repository_event/sample", "{}")).Ok()["isReal"].GetBoolean());
        (await _api.PostAsync("/api/v1/pieces/github/triggers/nothing/sample", "{}")).Problem(404);
        Assert.Contains("needs a connection", Assert.Single((await _api.PostAsync("/api/v1/pieces/github/triggers/new_issue/sample", "{}")).Problem(400)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_worker_the_caller_is_told_so_and_nothing_is_left_behind()
    {
        await using var hasty = await ApiHost.StartAsync(replicas.Database.ConnectionString, replicas.Platform, new() { ["Flows:Security:EncryptionKey"] = TwoReplicas.EncryptionKey, ["Flows:PieceQuestions:TakenWithin"] = "00:00:00.2" });
        var answer = await hasty.PostAsync($"/api/v1/connections/{_connection}/test");
        answer.Problem(503);
        Assert.Contains("No worker has taken the question within ", answer["detail"].GetString(), StringComparison.Ordinal);
        var preview = await hasty.PostAsync("/api/v1/expressions/preview", new { expressions = new { a = "{{1}}" } });
        Assert.Contains("No worker has taken the question within ", preview.Detail(503), StringComparison.Ordinal);
        Assert.Equal(0L, await replicas.Database.ScalarAsync("SELECT count(*) FROM piece_questions"));
    }

    [Fact]
    public async Task A_worker_that_answers_after_the_caller_has_gone_is_told_that_nobody_waits()
    {
        var clock = new ManualClock();
        await using var api = await ApiHost.StartAsync(replicas.Database.ConnectionString, replicas.Platform, new() { ["Flows:Security:EncryptionKey"] = TwoReplicas.EncryptionKey },
            builder => builder.Services.AddSingleton<TimeProvider>(clock));
        var asked = api.PostAsync($"/api/v1/connections/{_connection}/test");
        var call = await NextAsync(_api);
        Assert.InRange(call.Request.TimeoutMs, 1, 30_000);
        clock.Advance(TimeSpan.FromSeconds(31));
        (await asked).Problem(504);
        Assert.Null(await replicas.AnswerAsync(_api, call, new PieceAnswer(call.Id, Account: "late")));
    }

    [Fact]
    public async Task More_questions_than_are_allowed_at_once_are_refused()
    {
        await using var strict = await ApiHost.StartAsync(replicas.Database.ConnectionString, replicas.Platform, new() { ["Flows:Security:EncryptionKey"] = TwoReplicas.EncryptionKey, ["Flows:PieceQuestions:AtOnce"] = "1" });
        var first = strict.PostAsync($"/api/v1/connections/{_connection}/test");
        var call = await NextAsync(strict);
        (await strict.PostAsync($"/api/v1/connections/{_connection}/test")).Problem(429);
        await replicas.AnswerAsync(strict, call, new PieceAnswer(call.Id, Account: ""));
        Assert.Equal(System.Text.Json.JsonValueKind.Null, (await first).Ok()["account"].ValueKind);
    }

    [Theory]
    [InlineData("github", """{ "source": "repos", "connection": "x" }""", "$.source: The piece 'github' has no options 'repos'; it has owners, repositories.")]
    [InlineData("rss", """{ "source": "feeds" }""", "$.source: No input of the piece 'rss' has options that can be asked for.")]
    [InlineData("github", """{ "source": "owners" }""", "$.connection: The piece 'github' needs a connection (Access token) to be asked.")]
    [InlineData("github", """{ "source": "owners", "connection": "nobody" }""", "$.connection: There is no connection 'nobody' in this project.")]
    [InlineData("github", """{ "source": "owners", "connection": "x", "input": [] }""", "$.input: It must be an object: what the form holds so far.")]
    public async Task A_wrong_question_names_what_is_wrong(string piece, string body, string problem) =>
        Assert.Equal(problem, Assert.Single((await _api.PostAsync($"/api/v1/pieces/{piece}/options", body)).Problem(400)));

    [Fact]
    public async Task A_secret_is_not_sent_to_the_service_of_another_piece_and_some_connections_cannot_be_tested()
    {
        var id = (await _api.PostAsync("/api/v1/connections", $$"""{ "key": "chat{{Guid.CreateVersion7():n}}", "piece": "chat", "value": { "token": "t" } }""")).Ok(201)["id"].GetGuid();
        var key = (await _api.GetAsync($"/api/v1/connections/{id}")).Ok()["key"].GetString();
        Assert.Contains("is not one for the piece 'github'",
            Assert.Single((await _api.PostAsync("/api/v1/pieces/github/options", $$"""{ "source": "owners", "connection": "{{key}}" }""")).Problem(400)), StringComparison.Ordinal);
        (await _api.PostAsync($"/api/v1/connections/{id}/test")).Problem(409);
        (await _api.PostAsync($"/api/v1/connections/{Guid.CreateVersion7()}/test")).Problem(404);
        (await _api.PostAsync("/api/v1/pieces/nothing/options", """{ "source": "x" }""")).Problem(404);
    }

    /// <summary>The question, which the API is about to write.</summary>
    private async Task<PieceClaim> NextAsync(ApiHost api)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!limit.IsCancellationRequested)
        {
            if (await replicas.TakeAsync(api, "w1") is { } call)
                return call;
        }
        throw new TimeoutException("No question came.");
    }
}
