using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json;
using Flows.Api.Runs;
using Flows.Api.Runs.Values;
using Flows.Api.Waits;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using static Flows.Tests.Waits.EndingWaits;

namespace Flows.Tests.Runs;

/// <summary>Values over the inline limit lie apart: what the rows hold, what a claim brings, what a person is shown.</summary>
[Collection(nameof(Platform))]
public sealed class KeepingLargeValues(RunsDatabase database) : IClassFixture<RunsDatabase>, IAsyncLifetime
{
    private const int Megabyte = 1 << 20;
    private RunsHost _host = null!;

    public async Task InitializeAsync() => _host = await database.HostAsync();
    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task A_large_payload_and_large_results_come_back_as_they_were()
    {
        var (payload, result) = (Json("payload"), Json("ergebnis ä"));
        var run = await _host.StartRunAsync(database.Flow, payload.ToString());
        var claim = (await _host.ClaimAsync(run))!;
        Assert.Equal(payload, claim.Trigger);
        Assert.Empty((await _host.ReportAsync(run, 1, new RunOutcome(RunStatus.Queued), null, "w1",
            RunsDatabase.Step("route:A/B c.big", StepStatus.Succeeded) with { Input = Json("input"), Output = result })).Stale);

        claim = (await _host.ClaimAsync(run, "w2"))!;
        Assert.Equal((payload, result), (claim.Trigger, Assert.Single(claim.Journal).Output));
        Assert.Null(claim.Apart);
        Assert.Equal(Json("input").Length + result.Length, claim.LogBytes);
        Assert.Empty((await _host.ReportAsync(run, 2, new RunOutcome(RunStatus.Succeeded, result), worker: "w2")).Stale);

        // Together they take less than a quarter of their size, and rows are small whatever they refer to.
        Assert.Equal(3, await CountAsync(run));
        Assert.InRange(await database.ValueAsync<long>("SELECT sum(length(data)) FROM run_values WHERE run_id = $1", run), 1, 3 * Megabyte / 4);
        Assert.True(await database.ValueAsync<bool>("SELECT length(trigger::text) < 2000 AND length(output::text) < 2000 FROM runs WHERE id = $1", run));
    }

    [Fact]
    public async Task A_person_is_shown_how_a_large_value_begins_its_size_and_where_it_is()
    {
        var (payload, result) = (Json("payload"), Json("result"));
        var run = await _host.StartRunAsync(database.Flow, payload.ToString());
        await _host.ClaimAsync(run);
        var error = new StepError("http_5xx", "It broke.", Json("detail"));
        await _host.ReportAsync(run, 1, new RunOutcome(RunStatus.Failed, result, error, "b"), null, "w1",
            RunsDatabase.Step("route:A/B c.big", StepStatus.Succeeded) with { Input = Json("input"), Output = result },
            RunsDatabase.Step("b", StepStatus.Failed) with { Error = error, StartedAt = TimeProvider.System.GetUtcNow().AddSeconds(1) },
            RunsDatabase.Step("small", StepStatus.Succeeded, "7") with { StartedAt = TimeProvider.System.GetUtcNow().AddSeconds(2) });

        var view = await _host.GetJsonAsync($"/api/v1/runs/{run}");
        await ShownAsync(view, "trigger", "largeTrigger", payload);
        await ShownAsync(view, "output", "largeOutput", result);
        Assert.Equal("It broke.", view.GetProperty("error").GetProperty("message").GetString());
        var listed = (await _host.GetJsonAsync("/api/v1/runs?limit=1")).GetProperty("items")[0];
        await ShownAsync(listed, "output", "largeOutput", result);

        var steps = (await _host.GetJsonAsync($"/api/v1/runs/{run}/steps")).GetProperty("items");
        await ShownAsync(steps[0], "output", "largeOutput", result);
        await ShownAsync(steps[0], "input", "largeInput", Json("input"));
        Assert.StartsWith($"/api/v1/runs/{run}/steps/", steps[0].GetProperty("largeOutput").GetProperty("url").GetString(), StringComparison.Ordinal);
        Assert.Equal(("http_5xx", "It broke.", false), (steps[1].GetProperty("error").GetProperty("code").GetString(), steps[1].GetProperty("error").GetProperty("message").GetString(),
            steps[1].GetProperty("error").TryGetProperty("detail", out var detail) && detail.ValueKind != JsonValueKind.Null));
        var whole = JsonElement.Parse(await TextAsync(steps[1].GetProperty("largeError").GetProperty("url").GetString()!));
        Assert.Equal(Json("detail").ToString(), whole.GetProperty("detail").GetRawText());
        Assert.Equal("7", await TextAsync($"/api/v1/runs/{run}/steps/small/output"));
        foreach (var missing in new[] { $"steps/small/logs", "steps/none/output", "steps/small/error", $"values/{Guid.CreateVersion7()}" })
        {
            using var answer = await _host.Api.GetAsync($"/api/v1/runs/{run}/{missing}");
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        }
    }

    [Fact]
    public async Task Nobody_else_reads_them()
    {
        var run = await _host.StartRunAsync(database.Flow, Json("secret").ToString());
        var url = (await _host.GetJsonAsync($"/api/v1/runs/{run}")).GetProperty("largeTrigger").GetProperty("url").GetString()!;
        await database.ExecuteAsync("UPDATE runs SET project_id = $2 WHERE id = $1", run, Guid.CreateVersion7());
        using var other = await _host.Api.GetAsync(url);
        Assert.Equal(HttpStatusCode.NotFound, other.StatusCode);
        using var anonymous = await _host.Anonymous.GetAsync(url);
        Assert.Equal(HttpStatusCode.Unauthorized, anonymous.StatusCode);
    }

    [Fact]
    public async Task A_worker_that_fetches_is_given_small_values_at_once_and_told_where_the_others_are()
    {
        var (payload, middle, large) = (Json("payload"), Json("middle", 100_000), Json("large"));
        var run = await _host.StartRunAsync(database.Flow, payload.ToString());
        await _host.ClaimAsync(run);
        await _host.ReportAsync(run, 1, new RunOutcome(RunStatus.Queued), null, "w1",
            RunsDatabase.Step("middle", StepStatus.Succeeded) with { Output = middle },
            RunsDatabase.Step("large", StepStatus.Succeeded) with { Input = middle, Output = large },
            RunsDatabase.Step("open", StepStatus.Running) with { Input = large },
            RunsDatabase.Step("bad", StepStatus.FailedAndContinued) with { Error = new StepError("input", "No.", large) });

        var claim = (await _host.SendAsync(WorkerRoutes.Claim, new ClaimRequest("w2", [run], FetchesValues: true), WorkerJson.Default.ClaimRequest, WorkerJson.Default.ClaimResponse)).Claims.Single();

        Assert.Equal(middle, claim.Journal.Single(line => line.Path == "middle").Output);
        Assert.Null(claim.Journal.Single(line => line.Path == "large").Input); // it has ended: its input is of no use any more
        Assert.Equal(
            [(ValuePlace.Trigger, null), (ValuePlace.StepInput, "open"), (ValuePlace.StepOutput, "large"), (ValuePlace.StepError, "bad")],
            claim.Apart!.Select(value => (value.Place, value.Path)).OrderBy(value => value.Place));
        foreach (var value in claim.Apart!.Where(value => value.Place != ValuePlace.StepError))
        {
            using var answer = await _host.Worker.GetAsync(WorkerRoutes.Value.Replace("{runId}", $"{run}", StringComparison.Ordinal).Replace("{valueId}", $"{value.Id}", StringComparison.Ordinal));
            Assert.Equal(value.Size, answer.Content.Headers.ContentLength);
            Assert.Equal((value.Place == ValuePlace.Trigger ? payload : large).ToString(), await answer.Content.ReadAsStringAsync());
        }
    }

    [Fact]
    public async Task What_several_rows_have_is_written_once_and_a_stale_report_leaves_nothing()
    {
        var store = database.Store();
        var run = await database.RunningAsync(store);
        var value = Json("same");
        Assert.True(await RunsDatabase.ReportAsync(store, run, 1, [RunsDatabase.Step("a", StepStatus.Succeeded) with { Output = value }]));
        Assert.False(await RunsDatabase.ReportAsync(store, run, 1, [RunsDatabase.Step("x", StepStatus.Succeeded) with { Output = Json("other") }], worker: "w2"));
        Assert.True(await RunsDatabase.ReportAsync(store, run, 1, [RunsDatabase.Step("b", StepStatus.Succeeded) with { Input = value, Output = value }], new RunOutcome(RunStatus.Succeeded, value)));
        Assert.Equal(1, await CountAsync(run));
        var step = await database.ValueAsync<string>("SELECT output ->> 'value' FROM run_steps WHERE run_id = $1 AND path = 'b'", run);
        Assert.Equal(step, await database.ValueAsync<string>("SELECT output ->> 'value' FROM runs WHERE id = $1", run));
    }

    [Fact]
    public async Task A_value_that_looks_like_a_reference_is_none()
    {
        var forged = ValueReference.Of(Guid.CreateVersion7(), "[1]"u8);
        var run = await _host.StartRunAsync(database.Flow, forged.ToString());
        Assert.Equal(forged.ToString().Trim(), (await _host.ClaimAsync(run))!.Trigger.ToString());
    }

    [Fact]
    public async Task What_does_not_get_smaller_is_kept_as_it_is()
    {
        var noise = new byte[90_000];
        new Random(7).NextBytes(noise);
        var packer = new ValuePacker(Guid.CreateVersion7(), 32 << 10);
        packer.Pack(RawJson.FromUtf8(Encoding.UTF8.GetBytes($"\"{string.Concat(noise.Select(b => (char)(0x100 + (b * 7) + (b % 3))))}\"")));
        packer.Pack(Json("text"));
        Assert.Equal([ValueEncoding.Brotli], packer.Large.Skip(1).Select(value => value.Encoding));
        var store = database.Store();
        var run = await database.RunningAsync(store);
        var random = RawJson.FromUtf8(Encoding.ASCII.GetBytes($"\"{string.Concat(noise.Select(b => (char)(b % 94 + 33))).Replace('"', 'q').Replace('\\', 'b')}\""));
        await RunsDatabase.ReportAsync(store, run, 1, [RunsDatabase.Step("a", StepStatus.Succeeded) with { Output = random }]);
        var id = await database.ValueAsync<string>("SELECT output ->> 'value' FROM run_steps WHERE run_id = $1", run);
        Assert.Equal(random, await _host.Get<RunValues>().WholeAsync(run, Guid.Parse(id), default));
    }

    [Fact]
    public async Task A_retry_keeps_them_in_place_and_a_new_run_has_its_own()
    {
        var definition = """
            { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} }, "steps": [
              { "name": "a", "kind": "code", "language": "javascript", "source": "export default () => 1;", "input": {} },
              { "name": "b", "kind": "code", "language": "javascript", "source": "export default () => 2;", "input": {} } ] }
            """;
        var (flow, _) = await database.PublishAsync(definition);
        var (payload, result, broken) = (Json("payload"), Json("result"), Json("broken"));
        var run = await _host.StartRunAsync(flow, payload.ToString());
        await _host.ClaimAsync(run);
        await _host.ReportAsync(run, 1, new RunOutcome(RunStatus.Failed, null, new StepError("code_error", "No.", broken), "b"), null, "w1",
            RunsDatabase.Step("a", StepStatus.Succeeded) with { Output = result }, RunsDatabase.Step("b", StepStatus.Failed) with { Error = new StepError("code_error", "No.", broken) });

        var edited = Json("edited");
        using var other = await _host.Api.PostAsync($"/api/v1/runs/{run}/retry", Body($$"""{ "from": "b", "input": {{edited}} }"""));
        var copy = (await RunsHost.JsonAsync(other)).GetProperty("id").GetGuid();
        using var same = await _host.Api.PostAsync($"/api/v1/runs/{run}/retry", Body("{}"));
        Assert.Equal(HttpStatusCode.OK, same.StatusCode);

        var set = (await _host.GetJsonAsync($"/api/v1/runs/{run}/steps/history")).GetProperty("items")[0];
        Assert.Contains("broken", await TextAsync(set.GetProperty("largeError").GetProperty("url").GetString()!), StringComparison.Ordinal);
        var claim = (await _host.ClaimAsync(run))!;
        Assert.Equal((payload, result), (claim.Trigger, Assert.Single(claim.Journal).Output));

        // Retention takes the first run, with all that belongs to it.
        await database.ExecuteAsync("DELETE FROM run_values WHERE run_id = $1", run);
        claim = (await _host.ClaimAsync(copy))!;
        Assert.Equal((payload, result), (claim.Trigger, Assert.Single(claim.Journal).Output));
        Assert.Equal(edited, claim.Inputs!["b"]);
    }

    [Fact]
    public async Task They_travel_between_flows_that_call_each_other_through_links_and_through_decisions()
    {
        var (input, output, body, decided) = (Json("input"), Json("output"), Json("body"), Json("decided"));
        var parent = await _host.StartRunAsync(database.Flow);
        await _host.ClaimAsync(parent);
        var call = new WaitRequest("sub", WaitKind.Call, TimeProvider.System.GetUtcNow().AddHours(1), Call: new CallRequest(database.Flow.ToString(), input, Await: true));
        await _host.ReportAsync(parent, 1, Paused(call, Webhook("hook")), steps: [RunsDatabase.Step("sub", StepStatus.Paused), RunsDatabase.Step("hook", StepStatus.Paused)]);
        var child = await database.ValueAsync<Guid>("SELECT id FROM runs WHERE parent_run_id = $1", parent);
        Assert.Equal(input, (await _host.ClaimAsync(child))!.Trigger);
        await _host.ReportAsync(child, 1, new RunOutcome(RunStatus.Succeeded, output));
        using var resumed = await _host.Anonymous.PostAsync(_host.Get<RunLinks>().PathTo(parent, LinkPurpose.Resume, "hook"), Body(body.ToString()));
        Assert.Equal(HttpStatusCode.Accepted, resumed.StatusCode);

        await database.ExecuteAsync("DELETE FROM run_values WHERE run_id = $1", child);
        var claim = (await _host.ClaimAsync(parent))!;
        Assert.Equal(output, claim.Waits!.Single(wait => wait.Path == "sub").Output);
        Assert.Equal(body.ToString(), claim.Waits!.Single(wait => wait.Path == "hook").Output!.Value.ToElement().GetProperty("body").GetRawText());

        await _host.ReportAsync(parent, 2, new RunOutcome(RunStatus.NeedsDecision, FailedStep: "pay"), steps: [RunsDatabase.Step("pay", StepStatus.Running, effect: StepEffect.Effect)]);
        using var answer = await _host.Api.PostAsync($"/api/v1/runs/{parent}/decide", Body($$"""{ "path": "pay", "decision": "happened", "output": {{decided}} }"""));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(decided, (await _host.ClaimAsync(parent))!.Journal.Single(line => line.Path == "pay").Output);
    }

    [Fact]
    public async Task A_waiting_caller_gets_the_whole_answer()
    {
        var body = Json("answer");
        var call = _host.Anonymous.PostAsync($"/webhooks/{database.Flow}/sync", Body(Json("asked").ToString()));
        var run = await RunsHost.NewestRunAsync(database, database.Flow);
        await _host.ClaimAsync(run);
        await _host.ReportAsync(run, 1, response: new RunResponse(201, null, body));
        using var answer = await call;
        Assert.Equal((HttpStatusCode.Created, body.ToString()), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));

        var (flow, _) = await database.PublishAsync(RunsDatabase.Definition);
        var outcome = _host.Api.PostAsync($"/api/v1/flows/{flow}/runs?wait=60", null);
        run = await RunsHost.NewestRunAsync(database, flow);
        await _host.ClaimAsync(run);
        await _host.ReportAsync(run, 1, new RunOutcome(RunStatus.Succeeded, body));
        using var ended = await outcome;
        Assert.Equal(body.ToString(), (await RunsHost.JsonAsync(ended)).GetProperty("output").GetRawText());
    }

    [Fact]
    public async Task Small_values_cost_no_row_and_no_statement_more()
    {
        var commands = new ConcurrentQueue<string>();
        using var mine = new Activity("this test").Start(); // the housekeepers of the host use the same database
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Npgsql",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                if (activity.TraceId == mine.TraceId)
                    commands.Enqueue(activity.TagObjects.FirstOrDefault(tag => tag.Key is "db.statement" or "db.query.text").Value as string ?? "");
            },
        };
        ActivitySource.AddActivityListener(listener);
        var store = database.Store();
        var inline = RawJson.FromUtf8(Encoding.ASCII.GetBytes($"\"{new string('x', (32 << 10) - 2)}\"")); // exactly the limit
        await store.AcceptAsync([database.NewRun()], default); // whatever a connection does once, it has done
        var first = commands.Count;

        var run = database.NewRun() with { Trigger = inline };
        await store.AcceptAsync([run], default);
        await store.ClaimAsync([(run.RunId, "w1")], default);
        await RunsDatabase.ReportAsync(store, run.RunId, 1, [RunsDatabase.Step("a", StepStatus.Succeeded) with { Output = inline }]);

        var statements = commands.Skip(first).Where(text => text.Contains("set_config", StringComparison.Ordinal)).ToList();
        Assert.Equal(3, statements.Count);
        Assert.All(statements, text => Assert.Contains("runs", text, StringComparison.Ordinal));
        Assert.DoesNotContain(statements, text => text.Contains("run_values", StringComparison.Ordinal));
        Assert.Equal(0, await CountAsync(run.RunId));
    }

    private async Task ShownAsync(JsonElement row, string inline, string large, RawJson expected)
    {
        if (row.TryGetProperty(inline, out var left))
            Assert.Equal(JsonValueKind.Null, left.ValueKind);
        var shown = row.GetProperty(large);
        Assert.Equal(expected.Length, shown.GetProperty("size").GetInt32());
        Assert.StartsWith(shown.GetProperty("preview").GetString()!, expected.ToString(), StringComparison.Ordinal);
        Assert.InRange(shown.GetProperty("preview").GetString()!.Length, 100, 512);
        Assert.Equal(expected.ToString(), await TextAsync(shown.GetProperty("url").GetString()!));
    }

    private async Task<string> TextAsync(string url)
    {
        using var answer = await _host.Api.GetAsync(url);
        Assert.Equal((HttpStatusCode.OK, "application/json"), (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        return await answer.Content.ReadAsStringAsync();
    }

    private Task<long> CountAsync(Guid run) => database.ValueAsync<long>("SELECT count(*) FROM run_values WHERE run_id = $1", run);

    private static StringContent Body(string json) => new(json, Encoding.UTF8, "application/json");

    /// <summary>JSON of about a size, as an API would list it; the same for the same word.</summary>
    private static RawJson Json(string word, int size = Megabyte)
    {
        var text = new StringBuilder("[");
        var random = new Random(word.Length);
        while (text.Length < size)
            text.Append($$"""{"id":{{random.Next()}},"word":"{{word}}","mail":"user{{random.Next(90_000)}}@example.com"},""");
        text[^1] = ']';
        return RawJson.FromUtf8(Encoding.UTF8.GetBytes(text.ToString()));
    }
}
