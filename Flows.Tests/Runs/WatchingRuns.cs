using System.Net;
using System.Text.Json;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;

namespace Flows.Tests.Runs;

/// <summary>Server-sent events of runs.</summary>
[Collection(nameof(Platform))]
public sealed class WatchingRuns(RunsDatabase database) : IClassFixture<RunsDatabase>, IAsyncLifetime
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private RunsHost _host = null!;

    public async Task InitializeAsync() => _host = await database.HostAsync();
    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task A_run_is_told_from_its_start_to_its_end_and_the_stream_ends_with_it()
    {
        var run = await _host.StartRunAsync(database.Flow);
        using var stream = await OpenAsync(_host, $"/api/v1/runs/{run}/events");
        Assert.Equal("run Queued", Short(await NextAsync(stream)));
        var claim = await _host.ClaimAsync(run);
        Assert.Equal("run Running", Short(await NextAsync(stream)));
        await _host.ReportAsync(run, claim!.Attempt, steps: [RunsDatabase.Step("order", StepStatus.Running)]);
        Assert.Equal("step order Running", Short(await NextAsync(stream)));
        await _host.ReportAsync(run, claim.Attempt, new RunOutcome(RunStatus.Succeeded, RawJson.Parse("1")), steps: [RunsDatabase.Step("order", StepStatus.Succeeded)]);
        Assert.Equal("step order Succeeded", Short(await NextAsync(stream)));
        var end = await NextAsync(stream);
        Assert.Equal("run Succeeded", Short(end));
        Assert.Null(await NextAsync(stream));

        using var again = await AskAsync(_host, $"/api/v1/runs/{run}/events", end!.Value.Id);
        Assert.Equal(HttpStatusCode.NoContent, again.StatusCode);
    }

    [Fact]
    public async Task Another_replica_goes_on_after_the_last_event_that_a_listener_has()
    {
        await using var other = await RunsHost.StartAsync(database);
        var run = await _host.StartRunAsync(database.Flow);
        (string Id, string Kind, JsonElement Data)? first;
        using (var stream = await OpenAsync(_host, $"/api/v1/runs/{run}/events"))
            first = await NextAsync(stream);
        var claim = await _host.ClaimAsync(run);
        await _host.ReportAsync(run, claim!.Attempt, new RunOutcome(RunStatus.Failed, Error: new StepError("shop", "closed"), FailedStep: "order"),
            steps: [RunsDatabase.Step("order", StepStatus.Failed)]);

        using var rest = await OpenAsync(other, $"/api/v1/runs/{run}/events", first!.Value.Id);
        Assert.Equal("step order Failed", Short(await NextAsync(rest)));
        var end = await NextAsync(rest);
        Assert.Equal("run Failed", Short(end));
        Assert.Equal("closed", end!.Value.Data.GetProperty("error").GetProperty("message").GetString());
        Assert.Null(await NextAsync(rest));
    }

    [Fact]
    public async Task The_stream_of_a_project_tells_the_runs_that_change()
    {
        using var stream = await OpenAsync(_host, "/api/v1/runs/events");
        var run = await _host.StartRunAsync(database.Flow);
        for (var told = await NextAsync(stream); ; told = await NextAsync(stream))
        {
            if (told!.Value.Data.GetProperty("id").GetGuid() == run)
                break;
        }
    }

    [Fact]
    public async Task More_streams_than_a_project_may_have_and_bad_ids_are_refused()
    {
        await using var small = await RunsHost.StartAsync(database, new() { ["Flows:Events:StreamsPerProject"] = "1" });
        using var stream = await OpenAsync(small, "/api/v1/runs/events");
        using var second = await AskAsync(small, "/api/v1/runs/events", null);
        Assert.Equal(HttpStatusCode.TooManyRequests, second.StatusCode);
        using var bad = await AskAsync(_host, "/api/v1/runs/events", "yesterday");
        Assert.Equal(HttpStatusCode.BadRequest, bad.StatusCode);
        using var unknown = await AskAsync(_host, $"/api/v1/runs/{Guid.CreateVersion7()}/events", null);
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
    }

    private static string Short((string Id, string Kind, JsonElement Data)? told) => told is not { } some ? "end"
        : $"{some.Kind} {(some.Kind == "step" ? some.Data.GetProperty("path").GetString() + " " : "")}{some.Data.GetProperty("status").GetString()}";

    private static async Task<StreamReader> OpenAsync(RunsHost host, string path, string? lastEventId = null)
    {
        var answer = await AskAsync(host, path, lastEventId);
        Assert.Equal("text/event-stream", answer.Content.Headers.ContentType?.MediaType);
        return new StreamReader(await answer.Content.ReadAsStreamAsync());
    }

    private static async Task<HttpResponseMessage> AskAsync(RunsHost host, string path, string? lastEventId)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (lastEventId is not null)
            request.Headers.TryAddWithoutValidation("Last-Event-ID", lastEventId);
        return await host.Api.SendAsync(request, HttpCompletionOption.ResponseHeadersRead).WaitAsync(s_limit);
    }

    /// <summary>The next event; null when the stream has ended.</summary>
    private static async Task<(string Id, string Kind, JsonElement Data)?> NextAsync(StreamReader stream)
    {
        var (id, kind) = ("", "");
        using var limit = new CancellationTokenSource(s_limit);
        while (await stream.ReadLineAsync(limit.Token) is { } line)
        {
            if (line.StartsWith("id: ", StringComparison.Ordinal))
                id = line[4..];
            else if (line.StartsWith("event: ", StringComparison.Ordinal))
                kind = line[7..];
            else if (line.StartsWith("data: ", StringComparison.Ordinal))
                return (id, kind, JsonElement.Parse(line[6..]));
        }
        return null;
    }
}
