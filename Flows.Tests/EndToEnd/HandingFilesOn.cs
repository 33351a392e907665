using System.Net.Http.Headers;

namespace Flows.Tests.EndToEnd;

/// <summary>A file from the step that makes it, through engine, worker, API and database, to the person who downloads it.</summary>
[Collection(nameof(Platform))]
public sealed class HandingFilesOn(Platform platform)
{
    private const string Definition = """
        { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} },
          "steps": [
            { "name": "report", "kind": "action", "piece": "file", "action": "write", "input": { "name": "report.csv", "type": "text/csv", "content": "{{repeat('a;b\\n', 100000)}}" } },
            { "name": "again", "kind": "action", "piece": "file", "action": "read", "input": { "file": "{{report}}" } },
            { "name": "count", "kind": "action", "piece": "storage", "action": "increment", "input": { "key": "reports" } },
            { "name": "end", "kind": "action", "piece": "data", "action": "set", "input": { "value": { "length": "{{length(again)}}", "count": "{{count}}", "file": "{{report}}" } } } ] }
        """;

    [Fact]
    public async Task A_file_of_several_chunks_is_read_by_another_step_and_downloaded()
    {
        var flow = await platform.Api.PublishAsync("Reports", Definition);

        for (var expected = 1; expected <= 2; expected++)
        {
            var run = await platform.Api.SendAsync(HttpMethod.Post, $"/api/v1/flows/{flow}/runs?wait=30", "{}");
            Assert.True(run.GetProperty("status").GetString() == "Succeeded", run.GetRawText());
            var output = run.GetProperty("output");
            Assert.Equal(400_000, output.GetProperty("length").GetInt32());
            Assert.Equal(expected, output.GetProperty("count").GetInt32());

            using var file = await platform.Api.AskAsync(HttpMethod.Get, $"/api/v1/runs/{run.GetProperty("id").GetGuid()}/files/{output.GetProperty("file").GetProperty("file").GetString()}", null);
            Assert.Equal(new MediaTypeHeaderValue("text/csv"), file.Content.Headers.ContentType);
            Assert.Equal(400_000, (await file.Content.ReadAsByteArrayAsync()).Length);
        }
    }
}
