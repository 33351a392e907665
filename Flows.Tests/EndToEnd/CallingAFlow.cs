using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace Flows.Tests.EndToEnd;

[Collection(nameof(Platform))]
public sealed class CallingAFlow(Platform platform)
{
    private const string Greeting = """
        {
          "schema": 1,
          "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
          "steps": [
            { "name": "total", "kind": "code", "language": "javascript", "input": { "lines": "{{trigger.body.lines}}" },
              "source": "export default async ({ lines }) => lines.reduce((sum, l) => sum + l.qty * l.price, 0);" },
            { "name": "size", "kind": "router", "mode": "first", "branches": [
              { "name": "Big", "when": "{{total >= 100}}", "steps": [
                { "name": "label", "kind": "code", "language": "javascript", "input": {}, "source": "export default () => 'big';" } ] },
              { "name": "Otherwise", "otherwise": true, "steps": [] } ] },
            { "name": "answer", "kind": "respond", "status": 201, "headers": { "x-total": "{{total}}" }, "body": { "total": "{{total}}", "id": "{{trigger.body.id}}" } }
          ]
        }
        """;

    [Fact]
    public async Task The_synchronous_webhook_answers_with_what_the_flow_says()
    {
        var flow = await platform.Api.PublishAsync("Totals", Greeting);

        using var answer = await platform.Api.Http.PostAsJsonAsync($"/webhooks/{flow}/sync", new { id = "A-7", lines = new[] { new { qty = 3, price = 50 } } });

        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        Assert.Equal("150", answer.Headers.GetValues("x-total").Single());
        Assert.Equal("""{"total":150,"id":"A-7"}""", await answer.Content.ReadAsStringAsync());
        var run = Guid.Parse(answer.Headers.GetValues("Flows-Run-Id").Single());

        var ended = await platform.Api.UntilFinalAsync(run);
        Assert.Equal("Succeeded", ended.GetProperty("status").GetString());
        var steps = await platform.Api.StepsAsync(run);
        Assert.Equal(["total", "size", "size:Big.label", "answer"], steps.Select(step => step.GetProperty("path").GetString()!));
        Assert.Equal(50, steps[0].GetProperty("input").GetProperty("lines")[0].GetProperty("price").GetInt32());
        Assert.Equal(150, steps[0].GetProperty("output").GetInt32());
        Assert.All(steps, step => Assert.Equal("Succeeded", step.GetProperty("status").GetString()));
    }

    [Fact]
    public async Task The_asynchronous_webhook_answers_at_once_and_the_run_goes_on()
    {
        var flow = await platform.Api.PublishAsync("Totals", Greeting);

        using var answer = await platform.Api.Http.PostAsJsonAsync($"/webhooks/{flow}", new { id = 1, lines = Array.Empty<object>() });

        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        var run = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("runId").GetGuid();
        var ended = await platform.Api.UntilFinalAsync(run);
        Assert.Equal("Succeeded", ended.GetProperty("status").GetString());
        Assert.Equal(0, ended.GetProperty("output").GetProperty("total").GetInt32());
    }

    [Fact]
    public async Task A_caller_of_the_api_can_wait_for_the_outcome()
    {
        var flow = await platform.Api.PublishAsync("Doubles", """
            { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} },
              "steps": [ { "name": "twice", "kind": "code", "language": "javascript", "input": { "n": "{{trigger.n}}" }, "source": "export default ({ n }) => n * 2;" } ] }
            """);

        var run = await platform.Api.SendAsync(HttpMethod.Post, $"/api/v1/flows/{flow}/runs?wait=20", """{ "n": 21 }""");

        Assert.Equal("Succeeded", run.GetProperty("status").GetString());
        Assert.Equal(42, run.GetProperty("output").GetInt32());
        Assert.Contains((await platform.Api.SendAsync(HttpMethod.Get, $"/api/v1/runs?flow={flow}", null)).GetProperty("items").EnumerateArray(),
            item => item.GetProperty("id").GetGuid() == run.GetProperty("id").GetGuid());
    }

    [Fact]
    public async Task A_failing_step_ends_the_run_and_is_named_to_the_caller()
    {
        var flow = await platform.Api.PublishAsync("Fails", """
            { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
              "steps": [ { "name": "boom", "kind": "code", "language": "javascript", "input": {}, "source": "export default () => {\n  throw new Error('no stock');\n};" },
                         { "name": "answer", "kind": "respond", "body": "never" } ] }
            """);

        using var answer = await platform.Api.Http.PostAsync($"/webhooks/{flow}/sync", content: null);

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        var problem = await answer.Content.ReadAsStringAsync();
        Assert.Contains("boom", problem, StringComparison.Ordinal);
        var run = await platform.Api.UntilFinalAsync(Guid.Parse(answer.Headers.GetValues("Flows-Run-Id").Single()));
        Assert.Equal("Failed", run.GetProperty("status").GetString());
        Assert.Equal("boom", run.GetProperty("failedStep").GetString());
        Assert.Contains("no stock", run.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_flow_that_is_only_a_draft_cannot_be_called()
    {
        var created = await platform.Api.SendAsync(HttpMethod.Post, "/api/v1/flows", $$"""{ "name": "Draft", "definition": {{Greeting}} }""");
        var flow = created.GetProperty("id").GetGuid();

        using var webhook = await platform.Api.Http.PostAsync($"/webhooks/{flow}/sync", content: null);
        using var start = await platform.Api.AskAsync(HttpMethod.Post, $"/api/v1/flows/{flow}/runs", "{}");

        Assert.Equal(HttpStatusCode.Conflict, webhook.StatusCode);
        Assert.Equal(HttpStatusCode.Conflict, start.StatusCode);
    }

    [Fact]
    public async Task A_draft_can_be_run_as_a_test()
    {
        var created = await platform.Api.SendAsync(HttpMethod.Post, "/api/v1/flows", $$"""{ "name": "Draft", "definition": {{Greeting}} }""");
        var flow = created.GetProperty("id").GetGuid();

        var started = await platform.Api.SendAsync(HttpMethod.Post, $"/api/v1/flows/{flow}/draft/runs", """{ "body": { "id": 1, "lines": [] } }""");

        var run = await platform.Api.UntilFinalAsync(started.GetProperty("id").GetGuid());
        Assert.Equal("Succeeded", run.GetProperty("status").GetString());
        Assert.Equal("Test", run.GetProperty("environment").GetString());
    }
}

[Collection(nameof(Platform))]
public sealed class SendingBadInput(Platform platform)
{
    [Theory]
    [InlineData("""{ "name": "x", "definition": { "schema": 1, "trigger": { "name": "trigger", "piece": "webhok", "event": "catch", "input": {} }, "steps": [] } }""", "$.definition.trigger.piece")]
    [InlineData("""{ "name": "x", "definition": { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} }, "steps": [ { "name": "a", "kind": "action", "piece": "http", "action": "request", "input": { "uri": "x" } } ] } }""", "$.definition.steps[0].input.uri")]
    [InlineData("""{ "name": "x", "definition": { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} }, "steps": [], "color": 1 } }""", "$.definition.color")]
    public async Task An_unknown_piece_or_field_is_refused_with_its_path(string body, string path)
    {
        using var answer = await platform.Api.AskAsync(HttpMethod.Post, "/api/v1/flows", body);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains(path, await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_schema_of_definitions_is_there_to_check_them_before_sending()
    {
        var schema = await platform.Api.SendAsync(HttpMethod.Get, "/api/v1/flow-schema", null);
        Assert.Equal("Flow definition", schema.GetProperty("title").GetString());
    }

    [Fact]
    public async Task Malformed_json_is_a_bad_request()
    {
        using var answer = await platform.Api.AskAsync(HttpMethod.Post, "/api/v1/flows", """{ "name": """);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType!.MediaType);
        Assert.Contains("traceId", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_flow_is_not_found()
    {
        using var answer = await platform.Api.AskAsync(HttpMethod.Get, $"/api/v1/flows/{Guid.CreateVersion7()}", null);
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        using var webhook = await platform.Api.Http.PostAsync($"/webhooks/{Guid.CreateVersion7()}", content: null);
        Assert.Equal(HttpStatusCode.NotFound, webhook.StatusCode);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("flk_wrongwrongwrongwrongwrongwrongwrongwrong")]
    public async Task Without_a_valid_key_the_caller_is_not_let_in(string? key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/flows");
        if (key is not null)
            request.Headers.Authorization = new("Bearer", key);
        using var answer = await platform.Api.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Theory]
    [InlineData("/internal/runs/claim")]
    [InlineData("/internal/runs/report")]
    [InlineData("/internal/workers/heartbeat")]
    public async Task A_users_key_does_not_open_the_workers_doors(string path)
    {
        using var answer = await platform.Api.AskAsync(HttpMethod.Post, path, "{}");
        Assert.True(answer.StatusCode is HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized, $"{answer.StatusCode}");
    }

    [Fact]
    public async Task A_payload_over_the_limit_is_refused()
    {
        var flow = await platform.Api.PublishAsync("Large", """
            { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} }, "steps": [ { "name": "a", "kind": "respond", "body": 1 } ] }
            """);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/webhooks/{flow}")
        {
            Content = new StringContent($"\"{new string('x', 26 * 1024 * 1024)}\"", Encoding.UTF8, "application/json"),
        };
        request.Headers.ExpectContinue = true; // as curl does: ask before sending what may be refused

        using var answer = await platform.Api.Http.SendAsync(request);

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        Assert.Contains("26,214,400 bytes", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }
}
