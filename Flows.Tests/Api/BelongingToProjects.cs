using System.Text.Json;
using Flows.Api.Access;
using Flows.Api.Audit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Flows.Tests.Api;

[Collection(nameof(Platform))]
public sealed class BelongingToProjects(PeopleFixture people) : IClassFixture<PeopleFixture>, IAsyncLifetime
{
    private readonly ApiHost _api = people.Api;
    private readonly TestDatabase _database = people.Database;
    private Person _owner = null!;
    private Guid _project;

    public async Task InitializeAsync()
    {
        _owner = await people.OwnerAsync();
        _project = _owner.Project!.Value;
    }

    public Task DisposeAsync()
    {
        _owner.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task A_link_lets_one_person_in_once_with_the_role_it_says()
    {
        var link = await InviteAsync(Role.Viewer);
        using var vera = await Person.JoinedAsync(_api, link, "vera@example.com", "Vera");
        var me = (await vera.GetAsync("/api/v1/me")).Ok();
        Assert.Equal(("Viewer", "Vera"), (me["role"].GetString(), me["user"].GetProperty("name").GetString()));
        (await vera.GetAsync("/api/v1/flows")).Ok();
        (await vera.SendAsync(HttpMethod.Post, "/api/v1/flows", new { name = "No" })).Problem(403);
        (await vera.GetAsync("/api/v1/audit")).Problem(403);

        using var second = new Person(_api);
        Assert.Equal(404, (await second.OpenAsync(new Uri(link).AbsolutePath)).Status);
        Assert.Equal(404, (await second.SubmitAsync(new Uri(link).AbsolutePath, new() { ["email"] = "x@example.com", ["name"] = "X", ["password"] = Person.Password })).Status);
        Assert.Equal(0L, await _database.ScalarAsync("SELECT count(*) FROM users WHERE email = 'x@example.com'"));
    }

    [Fact]
    public async Task A_withdrawn_or_old_link_lets_nobody_in_and_a_taken_address_uses_none_up()
    {
        var made = (await _owner.SendAsync(HttpMethod.Post, $"/api/v1/projects/{_project}/invitations", new { role = "Editor", email = "ed@example.com" })).Ok(201);
        (await _owner.SendAsync(HttpMethod.Delete, $"/api/v1/projects/{_project}/invitations/{made["id"]}")).Ok(204);
        using var ed = new Person(_api);
        Assert.Equal(404, (await ed.OpenAsync(new Uri(made["link"].GetString()!).AbsolutePath)).Status);

        var link = await InviteAsync(Role.Editor);
        Assert.Equal(409, (await ed.SubmitAsync(new Uri(link).AbsolutePath, new() { ["email"] = "Owner@Example.com", ["name"] = "Ed", ["password"] = Person.Password })).Status);
        using (await Person.JoinedAsync(_api, link, "ed@example.com", "Ed"))
        {
        }
        var old = await InviteAsync(Role.Editor);
        await _database.ScalarAsync("UPDATE invitations SET expires_at = $1 WHERE used_at IS NULL AND project_id = $2", people.Clock.GetUtcNow() - TimeSpan.FromSeconds(1), _project);
        Assert.Equal(404, (await ed.OpenAsync(new Uri(old).AbsolutePath)).Status);
    }

    [Fact]
    public async Task The_last_owner_stays_and_nobody_gives_more_than_he_has()
    {
        var ownerId = (await _owner.GetAsync("/api/v1/me")).Ok()["user"].GetProperty("id").GetGuid();
        var members = $"/api/v1/projects/{_project}/members";
        (await _owner.SendAsync(HttpMethod.Delete, $"{members}/{ownerId}")).Problem(409);
        (await _owner.SendAsync(HttpMethod.Patch, $"{members}/{ownerId}", new { role = "Admin" })).Problem(409);

        using var admin = await Person.JoinedAsync(_api, await InviteAsync(Role.Admin), "adam@example.com", "Adam");
        (await admin.SendAsync(HttpMethod.Post, $"/api/v1/projects/{_project}/invitations", new { role = "Owner" })).Problem(403);
        (await admin.SendAsync(HttpMethod.Patch, $"{members}/{ownerId}", new { role = "Viewer" })).Problem(403);
        (await admin.SendAsync(HttpMethod.Delete, $"{members}/{ownerId}")).Problem(403);
        (await admin.SendAsync(HttpMethod.Post, "/api/v1/api-keys", new { name = "Up", role = "Owner" })).Problem(403);

        var adminId = (await admin.GetAsync("/api/v1/me")).Ok()["user"].GetProperty("id").GetGuid();
        (await _owner.SendAsync(HttpMethod.Patch, $"{members}/{adminId}", new { role = "Viewer" })).Ok(204);
        (await admin.GetAsync("/api/v1/api-keys")).Problem(403); // at once, though the session was known
        (await _owner.SendAsync(HttpMethod.Delete, $"{members}/{adminId}")).Ok(204);
        (await admin.GetAsync("/api/v1/flows")).Problem(403);
        Assert.Equal(JsonValueKind.Null, (await admin.GetAsync("/api/v1/me")).Ok()["project"].ValueKind);
    }

    [Fact]
    public async Task Two_owners_who_remove_each_other_at_once_leave_one()
    {
        using var other = await Person.JoinedAsync(_api, await InviteAsync(Role.Owner), "otto@example.com", "Otto");
        var ids = new[] { _owner, other }.Select(async person => (await person.GetAsync("/api/v1/me")).Ok()["user"].GetProperty("id").GetGuid());
        var (first, second) = (await ids.First(), await ids.Last());
        await Task.WhenAll(
            _owner.SendAsync(HttpMethod.Delete, $"/api/v1/projects/{_project}/members/{second}"),
            other.SendAsync(HttpMethod.Delete, $"/api/v1/projects/{_project}/members/{first}"));
        Assert.Equal(1L, await _database.ScalarAsync("SELECT count(*) FROM members WHERE role = 1 AND project_id = $1", _project));
    }

    [Fact]
    public async Task Who_belongs_to_several_projects_says_which_and_sees_none_but_his()
    {
        var made = (await _owner.SendAsync(HttpMethod.Post, "/api/v1/projects", new { name = "Second" })).Ok(201)["id"].GetGuid();
        _owner.Project = null;
        Assert.Contains("Flows-Project", (await _owner.GetAsync("/api/v1/flows"))["detail"].GetString(), StringComparison.Ordinal);
        (await _owner.GetAsync("/api/v1/flows")).Problem(400);
        var flow = (await _owner.SendAsync(HttpMethod.Post, "/api/v1/flows", new { name = "Here" }, made)).Ok(201)["id"].GetGuid();
        (await _owner.GetAsync($"/api/v1/flows/{flow}?project={made}")).Ok();
        (await _owner.GetAsync($"/api/v1/flows/{flow}", _project)).Problem(404);
        (await _owner.GetAsync($"/api/v1/projects/{made}", _project)).Problem(404);
        (await _owner.GetAsync("/api/v1/flows", Guid.CreateVersion7())).Problem(404);
        var mine = (await _owner.GetAsync("/api/v1/projects")).Ok()["items"].EnumerateArray().Select(project => project.GetProperty("id").GetGuid()).ToList();
        Assert.Contains(made, mine);
        Assert.Contains(_project, mine);
        _owner.Project = _project;

        using var vera = await Person.JoinedAsync(_api, await InviteAsync(Role.Viewer), "vera2@example.com", "Vera");
        (await vera.GetAsync("/api/v1/flows", made)).Problem(404);
        (await vera.SendAsync(HttpMethod.Post, "/api/v1/projects", new { name = "Mine" })).Problem(403);
        (await _api.PostAsync("/api/v1/projects", new { name = "Of a key" })).Problem(403);
    }

    [Fact]
    public async Task Limits_of_a_project_are_settings_and_bad_ones_are_named()
    {
        var path = $"/api/v1/projects/{_project}";
        Assert.Equal(["$.concurrentRuns: It must be from 0, which is the installation's default, to 100000, the most that this installation lets a project have."],
            (await _owner.SendAsync(HttpMethod.Patch, path, new { concurrentRuns = -1 })).Problem(400));
        Assert.Equal(3, (await _owner.SendAsync(HttpMethod.Patch, path, new { name = "Main", concurrentRuns = 3 })).Ok()["concurrentRuns"].GetInt32());
        Assert.Equal("Main", (await _owner.GetAsync(path)).Ok()["name"].GetString());

        // A project may tighten what the installation sets, and not loosen it; where the installation sets no limit there is no ceiling.
        var ceilings = (await _owner.GetAsync(path)).Ok()["ceilings"];
        foreach (var (field, most) in new[] { ("runTimeoutSeconds", 600), ("pausedDays", 30), ("webhookPerMinute", 10_000_000) })
        {
            Assert.Equal(most, ceilings.GetProperty(field).GetInt32());
            Assert.Equal([$"$.{field}: It must be from 0, which is the installation's default, to {most}, the most that this installation lets a project have."],
                (await _owner.SendAsync(HttpMethod.Patch, path, new Dictionary<string, int> { [field] = most + 1 })).Problem(400));
            (await _owner.SendAsync(HttpMethod.Patch, path, new Dictionary<string, int> { [field] = most })).Ok();
            Assert.Equal(most, (await _owner.GetAsync(path)).Ok()[field].GetInt32());
        }
        // What was not sent stays, and what the others have is told beside it.
        var project = (await _owner.SendAsync(HttpMethod.Patch, path, new { runTimeoutSeconds = 0, pausedDays = 7, webhookPerMinute = 60 })).Ok();
        Assert.Equal((3, "Main"), (project["concurrentRuns"].GetInt32(), project["name"].GetString()));
        var defaults = (await _owner.GetAsync(path)).Ok()["defaults"];
        Assert.Equal((0, 600, 30, 0), (defaults.GetProperty("concurrentRuns").GetInt32(), defaults.GetProperty("runTimeoutSeconds").GetInt32(),
            defaults.GetProperty("pausedDays").GetInt32(), defaults.GetProperty("webhookPerMinute").GetInt32()));
        var log = (await _owner.GetAsync($"/api/v1/audit?target=project:{_project}&action=project.changed&limit=100")).Ok()["items"].EnumerateArray()
            .Select(row => (row.GetProperty("before").GetProperty("pausedDays").GetInt32(), row.GetProperty("after").GetProperty("pausedDays").GetInt32()));
        Assert.Contains((30, 7), log);
    }

    [Fact]
    public async Task What_becomes_of_uncertain_effects_is_a_setting_and_a_word_that_is_none_is_refused_with_its_field()
    {
        var id = (await _owner.SendAsync(HttpMethod.Post, "/api/v1/projects", new { name = "Careful" })).Ok(201)["id"].GetGuid();
        var path = $"/api/v1/projects/{id}";
        Assert.Equal("ask", (await _owner.GetAsync(path, id)).Ok()["onUncertain"].GetString());
        foreach (var policy in new[] { "retry", "fail", "ask", "fail" })
        {
            Assert.Equal(policy, (await _owner.SendAsync(HttpMethod.Patch, path, new { onUncertain = policy }, id)).Ok()["onUncertain"].GetString());
            Assert.Equal(policy, (await _owner.GetAsync(path, id)).Ok()["onUncertain"].GetString());
        }
        foreach (var wrong in new object[] { "never", "", 1, true })
            Assert.Equal("$.onUncertain", Assert.Single((await _owner.SendAsync(HttpMethod.Patch, path, new { onUncertain = wrong }, id)).Problem(400)).Split(':')[0]);
        // What was not sent stays.
        Assert.Equal("fail", (await _owner.SendAsync(HttpMethod.Patch, path, new { name = "More careful" }, id)).Ok()["onUncertain"].GetString());

        using var member = await Person.JoinedAsync(_api, await InviteAsync(Role.Editor), "policy@example.com", "Pol");
        (await member.SendAsync(HttpMethod.Patch, $"/api/v1/projects/{_project}", new { onUncertain = "retry" })).Problem(403);
        var log = (await _owner.GetAsync($"/api/v1/audit?target=project:{id}&action=project.changed&limit=100", id)).Ok()["items"].EnumerateArray()
            .Select(row => (row.GetProperty("before").GetProperty("onUncertain").GetString(), row.GetProperty("after").GetProperty("onUncertain").GetString()));
        Assert.Contains(("ask", "retry"), log);
    }

    [Fact]
    public async Task What_was_done_is_in_the_log_with_who_and_what_was_before_and_no_secret()
    {
        var flow = (await _owner.SendAsync(HttpMethod.Post, "/api/v1/flows", new { name = "Old name" })).Ok(201)["id"].GetGuid();
        (await _owner.SendAsync(HttpMethod.Patch, $"/api/v1/flows/{flow}", new { name = "New name" })).Ok();
        (await _owner.SendAsync(HttpMethod.Post, $"/api/v1/flows/{flow}/publish")).Ok();
        (await _owner.SendAsync(HttpMethod.Post, "/api/v1/connections", new { key = "mail", kind = "secret", value = new { token = "hush-hush-token" } })).Ok(201);
        (await _owner.SendAsync(HttpMethod.Put, "/api/v1/variables/limit", new { value = 7 })).Ok();
        (await _owner.SendAsync(HttpMethod.Put, "/api/v1/variables/limit", new { value = 8 })).Ok();
        var key = (await _owner.SendAsync(HttpMethod.Post, "/api/v1/api-keys", new { name = "CI" })).Ok(201);
        var ci = key["key"].GetString()!;
        var run = (await _api.PostAsync($"/api/v1/flows/{flow}/runs", new { }, ci)).Ok(202)["id"].GetGuid();
        (await _api.PostAsync($"/api/v1/runs/{run}/cancel", body: null, ci)).Ok();
        var again = (await _api.PostAsync($"/api/v1/runs/{run}/retry", new { from = "start" }, ci)).Ok(202)["id"].GetGuid();
        var draft = (await _owner.GetAsync($"/api/v1/flows/{flow}/draft")).Ok().Json;
        (await _owner.SendAsync(HttpMethod.Put, $"/api/v1/flows/{flow}/draft", draft)).Ok();
        (await _api.PostAsync($"/api/v1/runs/{run}/decide", new { path = "a", decision = "stop" }, ci)).Problem(409);
        (await _owner.SendAsync(HttpMethod.Patch, $"/api/v1/flows/{Guid.CreateVersion7()}", new { name = "Nobody's" })).Problem(404);

        var log = (await _owner.GetAsync("/api/v1/audit?limit=100")).Ok();
        Assert.DoesNotContain("hush-hush-token", log.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(key["key"].GetString()!, log.Text, StringComparison.Ordinal);
        var rows = log["items"].EnumerateArray().ToList();
        Assert.Equal(
            ["connection.created", "flow.changed", "flow.created", "flow.draft_saved", "flow.published", "key.created", "project.created", "run.cancelled", "run.retried", "variable.set", "variable.set"],
            rows.Select(row => row.GetProperty("action").GetString()).Order(StringComparer.Ordinal)); // the clock stands: all are of one moment
        var changed = rows.Single(row => row.GetProperty("action").GetString() == "flow.changed");
        Assert.Equal(("Old name", "New name"), (changed.GetProperty("before").GetProperty("name").GetString(), changed.GetProperty("after").GetProperty("name").GetString()));
        Assert.Equal(("Olga", "User", $"flow:{flow}"), (changed.GetProperty("actor").GetString(), changed.GetProperty("actorKind").GetString(), changed.GetProperty("target").GetString()));
        var cancelled = rows.Single(row => row.GetProperty("action").GetString() == "run.cancelled");
        Assert.Equal("127.0.0.1", changed.GetProperty("address").GetString()!.Replace("::ffff:", "", StringComparison.Ordinal));
        Assert.Equal(("CI", "Key", $"run:{run}"), (cancelled.GetProperty("actor").GetString(), cancelled.GetProperty("actorKind").GetString(), cancelled.GetProperty("target").GetString()));
        var retried = rows.Single(row => row.GetProperty("action").GetString() == "run.retried");
        Assert.Equal(($"run:{run}", "start", again), (retried.GetProperty("target").GetString(), retried.GetProperty("after").GetProperty("from").GetString(), retried.GetProperty("after").GetProperty("run").GetGuid()));
        var saved = rows.Single(row => row.GetProperty("action").GetString() == "flow.draft_saved");
        Assert.Equal((1, 2), (saved.GetProperty("before").GetProperty("revision").GetInt32(), saved.GetProperty("after").GetProperty("revision").GetInt32()));

        Assert.Equal(4, (await _owner.GetAsync("/api/v1/audit?action=flow")).Ok()["items"].GetArrayLength());
        Assert.Equal(4, (await _owner.GetAsync($"/api/v1/audit?target=flow:{flow}")).Ok()["items"].GetArrayLength());
        var page = (await _owner.GetAsync("/api/v1/audit?limit=4")).Ok();
        var next = (await _owner.GetAsync($"/api/v1/audit?limit=100&cursor={page["nextCursor"]}")).Ok();
        Assert.Equal(7, next["items"].GetArrayLength());
    }

    [Fact]
    public async Task What_is_older_than_it_is_kept_leaves_the_log_and_nothing_else_does()
    {
        var cleaner = _api.App.Services.GetRequiredService<AuditCleaner>();
        var keep = _api.App.Services.GetRequiredService<IOptions<AuditOptions>>().Value.Keep;
        people.Clock.Advance(keep - TimeSpan.FromHours(1));
        await cleaner.CleanAsync(default);
        Assert.Equal(1L, await CountAsync("project.created"));
        using var later = await Person.SignedInAsync(_api, PeopleFixture.OwnerEmail);
        (await later.SendAsync(HttpMethod.Patch, $"/api/v1/projects/{_project}", new { name = "Later" }, _project)).Ok();
        people.Clock.Advance(TimeSpan.FromHours(2));
        await cleaner.CleanAsync(default);
        Assert.Equal((0L, 1L), (await CountAsync("project.created"), await CountAsync("project.changed")));

        async Task<long> CountAsync(string action) =>
            (long)(await _database.ScalarAsync("SELECT count(*) FROM audit WHERE project_id = $1 AND action = $2", _project, action))!;
    }

    private async Task<string> InviteAsync(Role role) =>
        (await _owner.SendAsync(HttpMethod.Post, $"/api/v1/projects/{_project}/invitations", new { role = $"{role}" })).Ok(201)["link"].GetString()!;
}
