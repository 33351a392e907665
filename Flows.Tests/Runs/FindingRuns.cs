using System.Globalization;
using System.Net;
using Flows.Api.Runs;
using Flows.Contracts.Runs;

namespace Flows.Tests.Runs;

/// <summary>Finding runs again by their tags and errors, in lists and in tables.</summary>
[Collection(nameof(Platform))]
public sealed class FindingRuns(RunsDatabase database) : IClassFixture<RunsDatabase>, IAsyncLifetime
{
    private RunsHost _host = null!;

    public async Task InitializeAsync() => _host = await database.HostAsync();
    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task A_tag_finds_its_runs_and_is_shown_with_them()
    {
        var (one, two) = (await StartAsync("late, order 1"), await StartAsync("late"));
        await StartAsync("other");
        var late = (await _host.GetJsonAsync("/api/v1/runs?tag=late")).GetProperty("items");
        Assert.Equal($"{two} {one}", string.Join(' ', late.EnumerateArray().Select(run => run.GetProperty("id").GetString())));
        Assert.Equal("""["late","order 1"]""", late[1].GetProperty("tags").GetRawText());
        Assert.Equal("""["late","order 1"]""", (await _host.GetJsonAsync($"/api/v1/runs/{one}")).GetProperty("tags").GetRawText());
        Assert.Equal(0, (await _host.GetJsonAsync("/api/v1/runs?tag=lat")).GetProperty("items").GetArrayLength());
    }

    [Fact]
    public async Task A_part_of_its_error_finds_a_run_and_the_signs_of_patterns_mean_themselves()
    {
        var run = await FailAsync("The shop is 100% closed");
        await FailAsync("Something else");
        Assert.Equal(run, (await _host.GetJsonAsync("/api/v1/runs?q=100%25%20CLOSED")).GetProperty("items").EnumerateArray().Single().GetProperty("id").GetGuid());
        Assert.Equal(0, (await _host.GetJsonAsync("/api/v1/runs?q=100%25c")).GetProperty("items").GetArrayLength());
        using var answer = await _host.Api.GetAsync($"/api/v1/runs?q={new string('x', 201)}");
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
    }

    [Theory]
    [InlineData("x")]
    [InlineData("50")]
    [InlineData("é!")]
    [InlineData("%%%")]
    [InlineData("a b, c")]
    [InlineData("ab cd")]
    public async Task A_text_that_the_index_cannot_find_is_refused_wherever_it_is_searched_for(string text)
    {
        foreach (var list in new[] { "runs", "runs.csv", "runs/chart" })
        {
            using var answer = await _host.Api.GetAsync($"/api/v1/{list}?q={Uri.EscapeDataString(text)}");
            Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
            var error = (await RunsHost.JsonAsync(answer)).GetProperty("errors").EnumerateArray().Single();
            Assert.Equal(("q", "It must have 3 letters or digits in a row: the index of errors knows nothing shorter."), (error.GetProperty("path").GetString(), error.GetProperty("message").GetString()));
        }
    }

    [Theory]
    [InlineData("abc", true)]
    [InlineData("a 503 b", true)]
    [InlineData("größe", true)]
    [InlineData("通信エラー", true)]
    [InlineData("\U00020000\U00020001", false)] // letters of two chars each, and still two
    [InlineData("a-b-c", false)]
    public void Three_letters_or_digits_in_a_row_are_a_word(string text, bool isOne) => Assert.Equal(isOne, RunSearch.HasWord(text));

    [Fact]
    public async Task Pages_of_a_text_go_on_through_days_in_which_nothing_failed()
    {
        var now = TimeProvider.System.GetUtcNow();
        List<Guid> expected = [];
        foreach (var days in new[] { 0.5, 2.5, 9, 14, 20, 29 })
        {
            var id = Guid.CreateVersion7(now.AddDays(-days));
            expected.Add(id);
            await database.ExecuteAsync("""
                INSERT INTO runs (id, project_id, flow_id, version_id, version, status, environment, origin, priority, created_at, status_changed_at, trigger, error)
                VALUES ($1, $2, $3, $4, 1, 5, 0, 0, 2, now(), now(), '{}', '{"code":"x","message":"Rare as a blue moon"}')
                """, id, database.Project, database.Flow, database.Version);
        }
        var found = new List<Guid>();
        var cursor = "";
        do
        {
            var page = await _host.GetJsonAsync($"/api/v1/runs?q=BLUE+moon&limit=2{cursor}");
            found.AddRange(page.GetProperty("items").EnumerateArray().Select(run => run.GetProperty("id").GetGuid()));
            cursor = page.GetProperty("nextCursor").GetString() is { } next ? $"&cursor={next}" : "";
        }
        while (cursor.Length > 0 && found.Count < 20);
        Assert.Equal(expected, found);
    }

    [Fact]
    public async Task A_table_has_the_same_runs_and_no_formula_in_it()
    {
        var run = await FailAsync("=HYPERLINK(\"http://x\", \"y\")", "csv");
        using var answer = await _host.Api.GetAsync("/api/v1/runs.csv?tag=csv");
        Assert.Equal("text/csv", answer.Content.Headers.ContentType!.MediaType);
        var lines = (await answer.Content.ReadAsStringAsync()).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.StartsWith($"{run},{database.Flow},1,Failed,Production,", lines[1], StringComparison.Ordinal);
        Assert.EndsWith(",shop,\"'=HYPERLINK(\"\"http://x\"\", \"\"y\"\")\",csv", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_chart_counts_the_same_runs_by_status_and_time()
    {
        var failed = new[] { await FailAsync("closed", "chart"), await FailAsync("shut", "chart") };
        var waiting = await StartAsync("chart");
        // In the middle of a part of an hour each; the ids, by which the time is looked up, begin with it as well.
        var now = TimeProvider.System.GetUtcNow();
        var (from, to) = (now.AddHours(-1), now.AddHours(1));
        var chart = await _host.GetJsonAsync($"/api/v1/runs/chart?tag=chart&from={Escaped(from)}&to={Escaped(to)}&buckets=2");
        Assert.Equal((3600d, 3, false), (chart.GetProperty("bucketSeconds").GetDouble(), chart.GetProperty("counted").GetInt32(), chart.GetProperty("isCut").GetBoolean()));
        var counts = chart.GetProperty("buckets").EnumerateArray().SelectMany(bucket => bucket.GetProperty("counts").EnumerateObject())
            .GroupBy(status => status.Name).ToDictionary(status => status.Key, status => status.Sum(count => count.Value.GetInt32()));
        Assert.Equal(new() { ["Failed"] = failed.Length, ["Queued"] = 1 }, counts);
        Assert.All(chart.GetProperty("buckets").EnumerateArray(), bucket => Assert.InRange(bucket.GetProperty("at").GetDateTimeOffset(), from, to));

        var one = await _host.GetJsonAsync("/api/v1/runs/chart?tag=chart&q=SHUT");
        Assert.Equal(1, one.GetProperty("counted").GetInt32());
        Assert.Equal(0, (await _host.GetJsonAsync($"/api/v1/runs/chart?tag=chart&to={Escaped(from)}")).GetProperty("counted").GetInt32());
        await _host.Api.PostAsync($"/api/v1/runs/{waiting}/cancel", null);
    }

    [Theory]
    [InlineData("buckets=0", "buckets")]
    [InlineData("buckets=201", "buckets")]
    [InlineData("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "from")]
    [InlineData("from=2025-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", "from")]
    [InlineData("status=Nearly", "status")]
    public async Task A_chart_that_cannot_be_drawn_is_refused_and_the_field_named(string query, string field)
    {
        using var answer = await _host.Api.GetAsync($"/api/v1/runs/chart?{query}");
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains($"\"{field}\"", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    private static string Escaped(DateTimeOffset time) => Uri.EscapeDataString(time.ToString("O", CultureInfo.InvariantCulture));

    [Theory]
    [InlineData("@a", "'@a")]
    [InlineData("-1", "'-1")]
    [InlineData("a,b", "\"a,b\"")]
    [InlineData("a\nb", "\"a\nb\"")]
    [InlineData(null, "")]
    public void A_cell_is_text_and_nothing_else(string? value, string expected) => Assert.Equal(expected, RunCsv.Cell(value));

    private async Task<Guid> StartAsync(string tags)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/flows/{database.Flow}/runs");
        request.Headers.TryAddWithoutValidation("Flows-Run-Tags", tags);
        using var answer = await _host.Api.SendAsync(request);
        return (await RunsHost.JsonAsync(answer)).GetProperty("id").GetGuid();
    }

    private async Task<Guid> FailAsync(string message, string tags = "failed")
    {
        var run = await StartAsync(tags);
        var claim = await _host.ClaimAsync(run);
        await _host.ReportAsync(run, claim!.Attempt, new RunOutcome(RunStatus.Failed, Error: new StepError("shop", message), FailedStep: "order"));
        return run;
    }
}
