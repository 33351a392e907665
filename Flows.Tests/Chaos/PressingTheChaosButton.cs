using System.Text.Json;

namespace Flows.Tests.Chaos;

/// <summary>A worker of the platform is killed by the button, in the middle of the sample run.</summary>
[Collection(nameof(Platform))]
public sealed class PressingTheChaosButton(Platform platform)
{
    [Fact]
    public async Task A_worker_is_killed_another_goes_on_and_the_report_says_what_became_of_every_step()
    {
        var project = (await platform.Api.SendAsync(HttpMethod.Get, "/api/v1/projects", null)).GetProperty("items")[0].GetProperty("id").GetString();
        await platform.Api.SendAsync(HttpMethod.Patch, $"/api/v1/projects/{project}", """{ "isTest": true }""");
        await platform.UntilIdleAsync();

        var report = await platform.Api.SendAsync(HttpMethod.Post, "/api/v1/system/chaos?wait=180", null);

        Assert.Equal("Done", report.GetProperty("state").GetString());
        Assert.Equal([], report.GetProperty("findings").EnumerateArray().Select(finding => finding.GetString()));
        Assert.Equal("Succeeded", report.GetProperty("status").GetString());
        var (killed, successor) = (report.GetProperty("worker").GetString(), report.GetProperty("takenOverBy").GetString());
        Assert.NotEqual(killed, successor);
        Assert.NotEqual(killed, report.GetProperty("replacedBy").GetString());
        Assert.True(report.GetProperty("takenOverAfterMs").GetDouble() > 0);

        Assert.Equal(
        [
            ("began", "Succeeded", "Replayed"), ("before", "Succeeded", "Replayed"),
            ("both", "Running", "WentOn"), ("both:Acts.acting", "Running", "AskedAbout"), ("both:Computes.computing", "Running", "RanAgain"),
            ("after", null, "RanAfter"), ("tidy", null, "RanAfter"), ("end", null, "RanAfter"),
        ], report.GetProperty("steps").EnumerateArray().Select(step =>
            (step.GetProperty("path").GetString(), step.TryGetProperty("before", out var before) ? before.GetString() : null, step.GetProperty("fate").GetString()))
            .OrderBy(step => step.Item1 switch { "began" => 0, "before" => 1, "after" => 3, "tidy" => 4, "end" => 5, _ => 2 }).ThenBy(step => step.Item1, StringComparer.Ordinal));

        // The report is what the rows say, and it is kept.
        var run = await platform.Api.RunAsync(report.GetProperty("runId").GetGuid());
        Assert.Equal(("Test", 2), (run.GetProperty("environment").GetString(), run.GetProperty("output").GetProperty("counted").GetInt32()));
        Assert.Equal(report.GetProperty("attempts").GetInt32(), run.GetProperty("attempt").GetInt32());
        var kept = await platform.Api.SendAsync(HttpMethod.Get, $"/api/v1/system/chaos/{report.GetProperty("id").GetString()}", null);
        Assert.True(JsonElement.DeepEquals(report, kept), $"{report} {kept}");
        var alive = (await platform.Api.SendAsync(HttpMethod.Get, "/api/v1/system/workers", null)).GetProperty("items").EnumerateArray()
            .Where(worker => worker.GetProperty("alive").GetBoolean()).Select(worker => worker.GetProperty("id").GetString()).ToList();
        Assert.DoesNotContain(killed, alive);
        using var page = await platform.Api.AskAsync(HttpMethod.Get, "/admin/chaos", null);
        var html = await page.Content.ReadAsStringAsync();
        Assert.Contains("All is well", html, StringComparison.Ordinal);
        Assert.Contains("replayed from the journal, not done again", html, StringComparison.Ordinal);
    }
}
