namespace Flows.Tests.Api;

/// <summary>What cannot be written down is not done, and what changes nothing is not written down.</summary>
[Collection(Platform.Apis)]
public sealed class WritingDownOrDoingNothing(PeopleFixture people) : IClassFixture<PeopleFixture>
{
    private readonly ApiHost _api = people.Api;
    private readonly TestDatabase _database = people.Database;

    [Fact]
    public async Task A_session_ends_in_one_commit_with_the_row_that_says_so()
    {
        var email = await people.AddUserAsync();
        using var person = await Person.SignedInAsync(_api, email);
        using var phone = await Person.SignedInAsync(_api, email);
        using var tablet = await Person.SignedInAsync(_api, email);
        var other = (await person.GetAsync("/api/v1/sessions")).Ok()["items"].EnumerateArray().First(session => !session.GetProperty("current").GetBoolean()).GetProperty("id").GetGuid();
        string[] endings = [$"/api/v1/sessions/{other}", "/api/v1/sessions", "/api/v1/session"];

        await WithoutTheLogAsync(async () =>
        {
            foreach (var path in endings)
                Assert.InRange((await person.SendAsync(HttpMethod.Delete, path)).Status, 500, 599);
        });
        foreach (var one in new[] { person, phone, tablet })
            (await one.GetAsync("/api/v1/me")).Ok();

        foreach (var path in endings)
            (await person.SendAsync(HttpMethod.Delete, path)).Ok(204);
        Assert.Equal("session.ended,session.others_revoked,session.revoked", await ActionsAsync(email, "session.%ed"));
        Assert.Equal(0L, await _database.ScalarAsync("SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.email = $1", email));
        Assert.Equal($"session:{other}", await _database.ScalarAsync("SELECT target FROM audit WHERE action = 'session.revoked' AND target = $1", $"session:{other}"));
    }

    [Fact]
    public async Task A_rotation_of_keys_does_not_begin_when_it_cannot_be_written_down()
    {
        await WithoutTheLogAsync(async () => Assert.InRange((await _api.PostAsync("/api/v1/system/keys/rotate")).Status, 500, 599));
        Assert.Equal(0L, await _database.ScalarAsync("SELECT count(*) FROM key_rotation"));

        (await _api.PostAsync("/api/v1/system/keys/rotate")).Ok(202);
        Assert.Equal(1L, await _database.ScalarAsync("SELECT count(*) FROM audit WHERE action = 'keys.rotated' AND after IS NULL"));
    }

    [Fact]
    public async Task A_flow_that_is_so_already_is_switched_again_without_a_trace()
    {
        var id = (await _api.PostAsync("/api/v1/flows", """
            { "name": "Every hour", "definition": { "schema": 1, "trigger": { "name": "trigger", "piece": "schedule", "event": "cron", "input": { "cron": "0 * * * *" } }, "steps": [] } }
            """)).Ok(201)["id"].GetGuid();
        var flow = $"/api/v1/flows/{id}";
        (await _api.PostAsync($"{flow}/publish")).Ok();
        (await _api.PostAsync($"{flow}/publish")).Ok(); // the draft is the same
        foreach (var action in new[] { "disable", "enable" })
        {
            var first = (await _api.PostAsync($"{flow}/{action}")).Ok();
            var schedule = await _database.ScalarAsync("SELECT s::text FROM schedules s WHERE flow_id = $1", id);
            Assert.Equal(first.Text, (await _api.PostAsync($"{flow}/{action}")).Ok().Text);
            Assert.Equal(schedule, await _database.ScalarAsync("SELECT s::text FROM schedules s WHERE flow_id = $1", id));
        }
        (await _api.PostAsync("/api/v1/flows/bulk", new { action = "enable", ids = new[] { id } })).Ok();
        Assert.Equal("flow.created,flow.disabled,flow.enabled,flow.published", await _database.ScalarAsync("SELECT string_agg(action, ',' ORDER BY action) FROM audit WHERE target = $1", $"flow:{id}"));
        Assert.Equal(0L, await _database.ScalarAsync("SELECT count(*) FROM audit WHERE action = 'flow.bulk'"));
    }

    private async Task<object?> ActionsAsync(string email, string like) => await _database.ScalarAsync(
        "SELECT string_agg(a.action, ',' ORDER BY a.action) FROM audit a JOIN users u ON u.id = a.actor_id WHERE u.email = $1 AND a.action LIKE $2 AND a.action <> 'session.started'", email, like);

    private async Task WithoutTheLogAsync(Func<Task> act)
    {
        await _database.ScalarAsync("ALTER TABLE audit RENAME TO audit_away");
        try
        {
            await act();
        }
        finally
        {
            await _database.ScalarAsync("ALTER TABLE audit_away RENAME TO audit");
        }
    }
}
