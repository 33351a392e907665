using System.Net;
using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Flows.Tests.Api;

namespace Flows.Tests.Triggers;

/// <summary>Two replicas of the API over one database, and workers that are nothing but requests.</summary>
[Collection(Platform.Apis)]
public sealed class KeepingATrigger(TwoReplicas replicas) : IClassFixture<TwoReplicas>, IAsyncLifetime
{
    private readonly TestDatabase _database = replicas.Database;
    private readonly ApiHost _api = replicas.First;
    private readonly ApiHost _other = replicas.Second;

    public Task InitializeAsync() => _database.ScalarAsync("DELETE FROM flow_triggers"); // what the test before has left due

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Of_workers_that_ask_two_replicas_at_once_each_poll_is_done_by_one()
    {
        var flows = new List<Guid>();
        for (var i = 0; i < 8; i++)
            flows.Add(await PublishAsync($"https://example.com/{i}"));
        var taken = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => TakeAsync(i % 2 == 0 ? _api : _other, $"w{i}")));
        Assert.Equal(flows.Order(), taken.OfType<PieceClaim>().Select(call => call.Id).Order());

        var first = taken.OfType<PieceClaim>().First();
        Assert.Equal(("rss", "new_item", PieceCallKind.Poll), (first.Request.Piece, first.Request.Part, first.Request.Kind));
        Assert.Null(first.Request.Cursor);
    }

    [Fact]
    public async Task The_first_poll_starts_nothing_and_later_each_item_starts_one_run_in_its_order()
    {
        var flow = await PublishAsync("https://example.com/feed");
        Assert.Equal(0, await PollAsync(flow, """{ "n": 1 }""", ["a", "b"]));

        var second = await NextAsync(flow);
        Assert.Equal("""{"n":1}""", Compact(second.Request.Cursor));
        Assert.Equal(2, await AnswerAsync(_other, second, Events("""{ "n": 2 }""", ["b", "c", "a", "d", "c"])));

        // The same again, as after an answer whose confirmation was lost.
        Assert.Equal(0, await PollAsync(flow, """{ "n": 2 }""", ["b", "c", "a", "d"]));
        Assert.Equal("c d", await _database.ScalarAsync("SELECT string_agg(trigger ->> 'key', ' ' ORDER BY id) FROM runs WHERE flow_id = $1", flow));
        Assert.Equal(2L, await _database.ScalarAsync("SELECT count(*) FROM runs WHERE flow_id = $1 AND status = 0 AND origin = 3 AND version = 1", flow));

        var health = (await _api.GetAsync($"/api/v1/flows/{flow}/trigger")).Ok();
        Assert.Equal(("ok", 3, 2), (health["health"].GetString(), health["polls"].GetInt32(), health["startedRuns"].GetInt32()));
    }

    [Fact]
    public async Task An_answer_of_which_the_last_statement_fails_leaves_neither_a_run_nor_a_mark_nor_a_cursor()
    {
        var flow = await PublishAsync("https://example.com/torn");
        await PollAsync(flow, """{ "n": 1 }""", ["a"]);
        var call = await NextAsync(flow);
        await _database.ScalarAsync("""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$;
            CREATE TRIGGER refuse BEFORE UPDATE ON flow_triggers FOR EACH ROW WHEN (NEW.started_runs > OLD.started_runs) EXECUTE FUNCTION refuse()
            """);
        await Assert.ThrowsAsync<HttpRequestException>(() => AnswerAsync(_api, call, Events("""{ "n": 2 }""", ["b"])));
        await _database.ScalarAsync("DROP TRIGGER refuse ON flow_triggers; DROP FUNCTION refuse()");
        Assert.Equal((0L, 1L, 1), (
            (long)(await _database.ScalarAsync("SELECT count(*) FROM runs WHERE flow_id = $1", flow))!,
            (long)(await _database.ScalarAsync("SELECT count(*) FROM trigger_marks WHERE flow_id = $1", flow))!,
            (int)(await _database.ScalarAsync("SELECT (cursor ->> 'n')::int FROM flow_triggers WHERE flow_id = $1", flow))!));

        // The worker says it again, and now all of it is there.
        Assert.Equal(1, await AnswerAsync(_api, call, Events("""{ "n": 2 }""", ["b"])));
        Assert.Equal(2, (int)(await _database.ScalarAsync("SELECT (cursor ->> 'n')::int FROM flow_triggers WHERE flow_id = $1", flow))!);
    }

    [Fact]
    public async Task An_event_that_is_too_large_for_a_row_lies_apart_like_every_value()
    {
        var flow = await PublishAsync("https://example.com/large");
        await PollAsync(flow, null, []);
        Assert.Equal(1, await PollAsync(flow, null, [new string('x', 100_000)]));
        Assert.Equal(1L, await _database.ScalarAsync("SELECT count(*) FROM run_values v JOIN runs r ON r.id = v.run_id WHERE r.flow_id = $1", flow));
    }

    [Fact]
    public async Task An_answer_that_comes_when_another_worker_has_the_poll_changes_nothing()
    {
        var flow = await PublishAsync("https://example.com/slow");
        await PollAsync(flow, null, []);
        var slow = await NextAsync(flow);
        await _database.ScalarAsync("UPDATE flow_triggers SET lease_until = now() - interval '1 s' WHERE flow_id = $1", flow); // it was thought dead
        var second = await NextAsync(flow);
        Assert.Equal(slow.Attempt + 1, second.Attempt);

        Assert.Null(await AnswerAsync(_api, slow, Events(null, ["late"])));
        Assert.Equal(1, await AnswerAsync(_api, second, Events(null, ["late"])));
        Assert.Equal(1L, await _database.ScalarAsync("SELECT count(*) FROM runs WHERE flow_id = $1", flow));
    }

    [Fact]
    public async Task Publishing_again_keeps_the_cursor_unless_something_else_is_asked()
    {
        var flow = await PublishAsync("https://example.com/kept");
        await PollAsync(flow, """{ "n": 7 }""", ["old"]);

        await RepublishAsync(flow, Definition("https://example.com/kept", every: "02:00:00", answer: "changed"));
        var kept = await NextAsync(flow);
        Assert.Equal("""{"n":7}""", Compact(kept.Request.Cursor));
        Assert.Equal(1, await AnswerAsync(_api, kept, Events(null, ["old", "new"])));
        Assert.Equal(2, await _database.ScalarAsync("SELECT version FROM runs WHERE flow_id = $1", flow));

        await RepublishAsync(flow, Definition("https://example.com/another"));
        var anew = await NextAsync(flow);
        Assert.Null(anew.Request.Cursor);
        Assert.Equal(0, await AnswerAsync(_api, anew, Events(null, ["old", "new"])));
    }

    [Fact]
    public async Task A_poll_under_way_when_something_else_is_published_starts_nothing()
    {
        var flow = await PublishAsync("https://example.com/before");
        await PollAsync(flow, null, []);
        var before = await NextAsync(flow);
        await RepublishAsync(flow, Definition("https://example.com/after"));
        Assert.Null(await AnswerAsync(_api, before, Events("1", ["of the other feed"])));
        Assert.Equal(0L, await _database.ScalarAsync("SELECT count(*) FROM runs WHERE flow_id = $1", flow));
    }

    [Fact]
    public async Task Failures_are_tried_later_and_later_and_at_last_pause_the_trigger_until_somebody_lets_it_go_on()
    {
        var flow = await PublishAsync("https://example.com/broken", every: "00:00:10");
        var pauses = new List<double>();
        for (var i = 0; i < 2; i++)
        {
            await AnswerAsync(_api, await NextAsync(flow), new PieceAnswer(Guid.Empty, new StepError("http_5xx", "rss.new_item: the feed was answered with status 500."), IsTransient: true));
            pauses.Add((double)(await _database.ScalarAsync("SELECT extract(epoch FROM due_at - last_error_at)::float8 FROM flow_triggers WHERE flow_id = $1", flow))!);
        }
        Assert.Equal([15, 30], pauses);
        var failing = (await _api.GetAsync($"/api/v1/flows/{flow}/trigger")).Ok();
        Assert.Equal(("failing", 2, "http_5xx"), (failing["health"].GetString(), failing["failures"].GetInt32(), failing["lastError"].GetProperty("code").GetString()));

        await AnswerAsync(_api, await NextAsync(flow), new PieceAnswer(Guid.Empty, new StepError("http_4xx", "rss.new_item: the feed was answered with status 410.")));
        var paused = (await _api.GetAsync($"/api/v1/flows/{flow}/trigger")).Ok();
        Assert.Equal(("paused", JsonValueKind.Null), (paused["health"].GetString(), paused["nextCallAt"].ValueKind));
        Assert.Contains("status 410", paused["pausedReason"].GetString(), StringComparison.Ordinal);
        var listed = (await _api.GetAsync("/api/v1/triggers")).Ok()["items"].EnumerateArray().First();
        Assert.Equal(flow, listed.GetProperty("flowId").GetGuid());
        Assert.Null(await TakeAsync(_api, "w"));

        await _api.PostAsync($"/api/v1/flows/{flow}/enable");
        Assert.Equal("new", (await _api.GetAsync($"/api/v1/flows/{flow}/trigger")).Ok()["health"].GetString());
        Assert.Equal(0, await PollAsync(flow, null, ["a"]));
    }

    [Theory]
    [InlineData("""{ "status": 429, "retryAfterSeconds": 600 }""", 600)]
    [InlineData("""{ "status": 429, "retryAfterSeconds": 1e9 }""", 86_400)]
    [InlineData("""{ "status": 429, "retryAfterSeconds": 1 }""", 15)]
    [InlineData("""[ "retryAfterSeconds" ]""", 15)]
    public async Task A_service_that_asks_for_time_gets_it(string detail, int pause)
    {
        var flow = await PublishAsync("https://example.com/busy", every: "00:00:10");
        await AnswerAsync(_api, await NextAsync(flow), new PieceAnswer(Guid.Empty, new StepError("http_4xx", "busy", RawJson.Parse(detail)), IsTransient: true));
        Assert.Equal((double)pause, await _database.ScalarAsync("SELECT extract(epoch FROM due_at - last_error_at)::float8 FROM flow_triggers WHERE flow_id = $1", flow));
    }

    [Fact]
    public async Task A_flow_that_is_disabled_deleted_or_whose_queue_is_paused_is_not_polled()
    {
        var (disabled, deleted, paused) = (await PublishAsync("https://example.com/x"), await PublishAsync("https://example.com/y"), await PublishAsync("https://example.com/z"));
        (await _api.PostAsync($"/api/v1/flows/{disabled}/disable")).Ok();
        (await _api.DeleteAsync($"/api/v1/flows/{deleted}")).Ok(204);
        await _database.ScalarAsync("UPDATE flows SET queue_paused = true WHERE id = $1", paused);
        Assert.Null(await TakeAsync(_api, "w"));
        (await _api.GetAsync($"/api/v1/flows/{disabled}/trigger")).Problem(404);
        await _database.ScalarAsync("UPDATE flows SET queue_paused = false WHERE id = $1", paused);
        Assert.Equal(paused, (await TakeAsync(_api, "w"))?.Id);
    }

    [Fact]
    public async Task A_feed_that_says_nothing_is_new_for_months_does_not_make_its_old_items_new()
    {
        var flow = await PublishAsync("https://example.com/quiet");
        await PollAsync(flow, """{ "etag": "1" }""", ["old"]);
        await _database.ScalarAsync("UPDATE trigger_marks SET seen_at = now() - interval '60 days' WHERE flow_id = $1", flow);
        Assert.Equal(0, await PollAsync(flow, """{ "etag": "1" }""", []));
        Assert.Equal(1, await PollAsync(flow, """{ "etag": "2" }""", ["old", "new"]));
    }

    [Fact]
    public async Task A_worker_that_names_nobody_or_answers_nothing_is_told_so()
    {
        Assert.Equal(HttpStatusCode.BadRequest, (await replicas.SendAsync(_api, WorkerRoutes.NextPieceCall, """{ "worker": "" }""")).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await replicas.SendAsync(_api, WorkerRoutes.PieceAnswer, """{ "worker": "w" }""")).StatusCode);
        using var stranger = await _api.Http.PostAsync(WorkerRoutes.NextPieceCall, new StringContent("""{ "worker": "w" }"""));
        Assert.Equal(HttpStatusCode.Unauthorized, stranger.StatusCode);
    }

    private static string Definition(string url, string every = "01:00:00", string answer = "hi") => $$"""
        { "schema": 1, "trigger": { "piece": "rss", "event": "new_item", "input": { "url": "{{url}}", "every": "{{every}}" } },
          "steps": [ { "name": "answer", "kind": "respond", "status": 200, "body": "{{answer}}" } ] }
        """;

    private async Task<Guid> PublishAsync(string url, string every = "01:00:00")
    {
        var made = (await _api.PostAsync("/api/v1/flows", $$"""{ "name": "Feed", "definition": {{Definition(url, every)}} }""")).Ok(201);
        var flow = made["id"].GetGuid();
        (await _api.PostAsync($"/api/v1/flows/{flow}/publish")).Ok();
        return flow;
    }

    private async Task RepublishAsync(Guid flow, string definition)
    {
        (await _api.SendAsync(HttpMethod.Put, $"/api/v1/flows/{flow}/draft", definition)).Ok();
        (await _api.PostAsync($"/api/v1/flows/{flow}/publish")).Ok();
    }

    /// <summary>The next poll of the flow, as if its time had come.</summary>
    private async Task<PieceClaim> NextAsync(Guid flow)
    {
        await _database.ScalarAsync("UPDATE flow_triggers SET due_at = now() - interval '1 h' WHERE flow_id = $1 AND due_at IS NOT NULL", flow);
        var call = await TakeAsync(_api, "w1");
        Assert.Equal(flow, call?.Id);
        return call!;
    }

    /// <summary>Runs that were started by it.</summary>
    private async Task<int> PollAsync(Guid flow, string? cursor, string[] keys) => (await AnswerAsync(_api, await NextAsync(flow), Events(cursor, keys)))!.Value;

    private static PieceAnswer Events(string? cursor, string[] keys) => new(Guid.Empty, Events: new TriggerEvents(
        [.. keys.Select(key => new TriggerItem(key, RawJson.Parse($$"""{ "key": "{{key}}" }""")))], cursor is null ? null : RawJson.Parse(cursor)));

    private Task<PieceClaim?> TakeAsync(ApiHost api, string worker) => replicas.TakeAsync(api, worker);

    private Task<int?> AnswerAsync(ApiHost api, PieceClaim call, PieceAnswer answer) => replicas.AnswerAsync(api, call, answer);

    private static string? Compact(RawJson? json) => json is { } value ? JsonSerializer.Serialize(value.ToElement()) : null;
}
