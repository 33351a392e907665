using Flows.Tests.Api;

namespace Flows.Tests.Schedules;

[Collection(Platform.Databases)]
public sealed class PublishingASchedule(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private readonly ApiHost _api = fixture.Api;

    [Fact]
    public async Task A_published_schedule_shows_its_next_ten_times_on_the_clock_of_its_zone()
    {
        var path = await PublishAsync("""{ "cron": "30 7 * * *", "timeZone": "Asia/Tokyo" }""");
        var schedule = (await _api.GetAsync(path + "/schedule")).Ok();
        var next = schedule["next"].EnumerateArray().Select(time => time.GetDateTimeOffset()).ToArray();
        Assert.Equal(10, next.Length);
        Assert.All(next, time => Assert.Equal((7, 30, TimeSpan.FromHours(9)), (time.Hour, time.Minute, time.Offset)));
        Assert.Equal(("30 7 * * *", "Asia/Tokyo", "once"), (schedule["times"].GetString(), schedule["timeZone"].GetString(), schedule["missed"].GetString()));
    }

    [Fact]
    public async Task Publishing_again_keeps_the_next_time_unless_the_times_are_others()
    {
        var path = await PublishAsync("""{ "every": "01:00:00" }""", "interval");
        var due = await DueAsync(path);

        await PublishAsync("""{ "every": "01:00:00", "missed": "skip" }""", "interval", path);
        Assert.Equal(due, await DueAsync(path));

        await PublishAsync("""{ "every": "02:00:00" }""", "interval", path);
        Assert.NotEqual(due, await DueAsync(path));
    }

    [Fact]
    public async Task Disabling_deleting_or_another_trigger_takes_the_schedule_away()
    {
        var path = await PublishAsync("""{ "cron": "0 0 * * *" }""");
        (await _api.PostAsync(path + "/disable")).Ok();
        (await _api.GetAsync(path + "/schedule")).Problem(404);
        (await _api.PostAsync(path + "/enable")).Ok();
        (await _api.GetAsync(path + "/schedule")).Ok();

        (await _api.SendAsync(HttpMethod.Put, path + "/draft", TestCatalogue.Flow())).Ok();
        (await _api.PostAsync(path + "/publish")).Ok();
        (await _api.GetAsync(path + "/schedule")).Problem(404);

        var deleted = await PublishAsync("""{ "cron": "0 0 * * *" }""");
        (await _api.DeleteAsync(deleted)).Ok(204);
        Assert.Equal(0L, await fixture.Database.ScalarAsync("SELECT count(*) FROM schedules WHERE flow_id = $1", Guid.Parse(deleted.Split('/')[^1])));
    }

    [Fact]
    public async Task A_schedule_that_cannot_be_is_refused_by_path_before_it_is_saved()
    {
        var errors = (await _api.PostAsync("/api/v1/flows", $$"""{ "name": "Never", "definition": {{Definition("""{ "cron": "0 0 30 2 *" }""", "cron")}} }""")).Problem(400);
        Assert.StartsWith("$.definition.trigger.input.cron: ", Assert.Single(errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_preview_needs_no_flow()
    {
        var preview = (await _api.PostAsync("/api/v1/schedules/preview",
            """{ "event": "cron", "input": { "cron": "0 12 * * SUN", "timeZone": "Europe/Berlin" }, "from": "2026-03-20T00:00:00Z" }""")).Ok();
        Assert.Equal("2026-03-22T12:00:00+01:00", preview["next"][0].GetString());
        Assert.Equal("2026-03-29T12:00:00+02:00", preview["next"][1].GetString());
        Assert.StartsWith("$.input.cron: ", Assert.Single((await _api.PostAsync("/api/v1/schedules/preview", """{ "event": "cron", "input": { "cron": "often" } }""")).Problem(400)), StringComparison.Ordinal);
        Assert.StartsWith("$.event: ", Assert.Single((await _api.PostAsync("/api/v1/schedules/preview", """{ "event": "tide", "input": {} }""")).Problem(400)), StringComparison.Ordinal);
    }

    private static string Definition(string input, string trigger) => $$"""
        { "schema": 1, "trigger": { "name": "trigger", "piece": "schedule", "event": "{{trigger}}", "input": {{input}} }, "steps": [] }
        """;

    private async Task<string> PublishAsync(string input, string trigger = "cron", string? path = null)
    {
        if (path is null)
            path = $"/api/v1/flows/{(await _api.PostAsync("/api/v1/flows", $$"""{ "name": "Clock", "definition": {{Definition(input, trigger)}} }""")).Ok(201)["id"]}";
        else
            (await _api.SendAsync(HttpMethod.Put, path + "/draft", Definition(input, trigger))).Ok();
        (await _api.PostAsync(path + "/publish")).Ok();
        return path;
    }

    private async Task<DateTimeOffset> DueAsync(string path) => (await _api.GetAsync(path + "/schedule")).Ok()["next"][0].GetDateTimeOffset();
}
