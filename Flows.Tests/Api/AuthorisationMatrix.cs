using System.Net.Http.Headers;
using System.Text;
using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Tests.Language;
using Microsoft.AspNetCore.Authorization;

namespace Flows.Tests.Api;

/// <summary>Every route that there is, by every role, with the ids of another project. Nothing here names a route: a new one is in it.</summary>
[Collection(nameof(Platform))]
public sealed class AuthorisationMatrix(Platform platform, AuthorisationMatrix.KeyOfEachRole fixture) : IClassFixture<AuthorisationMatrix.KeyOfEachRole>
{
    private readonly TestDatabase _database = fixture.Database;
    private readonly Dictionary<Role, string> _keys = fixture.Keys;
    private readonly ApiHost _api = fixture.Api;

    [Fact]
    public void Every_route_says_what_it_requires_or_why_it_is_open()
    {
        string[] probes = ["/health", "/ready", "/alive"]; // they show states, and no data
        var silent = Routes().Where(route =>
        {
            var metadata = route.Endpoint.Metadata;
            return metadata.GetMetadata<IAllowAnonymous>() is not null
                ? metadata.GetMetadata<AnonymousBecause>() is not { Reason.Length: > 10 } && !probes.Contains(route.Pattern)
                : metadata.GetMetadata<RequiredPermission>() is null && !route.IsForWorkers;
        });
        Assert.Equal([], silent.Select(route => $"{route}"));
        Assert.True(Routes().Count() > 40);
    }

    [Fact]
    public void Every_route_that_changes_something_is_audited_or_says_why_not()
    {
        var silent = Routes().Where(route => route.Method is not ("GET" or "HEAD" or "OPTIONS") && !route.IsForWorkers
            && (route.Required.Count > 0 || route.Pattern.StartsWith("/api/v1", StringComparison.Ordinal))
            && route.Endpoint.Metadata.GetMetadata<Audited>() is null && route.Endpoint.Metadata.GetMetadata<NotAudited>() is not { Reason.Length: > 5 });
        Assert.Equal([], silent.Select(route => $"{route}"));
    }

    [Fact]
    public async Task The_document_shows_the_table_as_it_is()
    {
        var document = await File.ReadAllTextAsync(Tree.PathOf("docs", "access.md"));
        var rows = Permissions.Table.Select(row => $"| `{row.Name}` | {row.Means} | {string.Join(" | ", Enum.GetValues<Role>().Select(role => row.Roles.Contains(role) ? "yes" : ""))} |");
        Assert.Contains(string.Join('\n', rows), document.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        Assert.Equal(Enum.GetValues<Permission>(), Permissions.Table.Select(row => row.Permission));
    }

    [Fact]
    public async Task Each_role_passes_exactly_where_the_table_says_so()
    {
        var wrong = new List<string>();
        foreach (var route in Routes().Where(route => route.Required.Count > 0))
        {
            foreach (var role in Enum.GetValues<Role>())
            {
                var may = route.Required.All(required => Permissions.Of(role).Has(required));
                var status = await CallAsync(route, _keys[role], Guid.CreateVersion7());
                // Behind the door anything may be wrong with a call that was made up, but nothing may break.
                if (may ? status is 401 or 403 or >= 500 : status != 403)
                    wrong.Add($"{route} by {role}: {status}");
            }
        }
        Assert.Equal([], wrong);
    }

    [Fact]
    public async Task Nobody_else_passes_anywhere()
    {
        var (expired, revoked) = (await MadeAsync("Expired"), await MadeAsync("Revoked"));
        foreach (var key in new[] { expired, revoked })
            (await _api.GetAsync("/api/v1/me", key.Key)).Ok(); // both were good, and this process knows them
        await _database.ScalarAsync("UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = $1", expired.Id);
        (await _api.DeleteAsync($"/api/v1/api-keys/{revoked.Id}", _keys[Role.Owner])).Ok(204);
        await using var other = await ApiHost.StartAsync(_database.ConnectionString, platform, new() { ["Flows:Queue:Provider"] = "Redis", ["Flows:Queue:KeyPrefix"] = _database.Name });
        Assert.Equal(401, (await other.GetAsync("/api/v1/me", expired.Key)).Status);

        var wrong = new List<string>();
        foreach (var route in Routes())
        {
            if (route.Required.Count == 0 && !route.IsForWorkers)
                continue;
            (string Name, string? Key)[] strangers =
            [
                ("nothing", null), ("no key", "flk_"), ("a key of nobody", ApiKey.Generate()), ("a revoked key", revoked.Key),
                route.IsForWorkers ? ("an owner's key", _keys[Role.Owner]) : ("a worker's token", ApiHost.WorkerToken),
            ];
            foreach (var (name, key) in strangers)
            {
                if (await CallAsync(route, key, Guid.CreateVersion7()) is var status and not 401)
                    wrong.Add($"{route} with {name}: {status}");
            }
            if (await CallAsync(route, expired.Key, Guid.CreateVersion7(), at: other) is var late and not 401)
                wrong.Add($"{route} with an expired key: {late}");
        }
        Assert.Equal([], wrong);

        async Task<(Guid Id, string Key)> MadeAsync(string name)
        {
            var made = (await _api.PostAsync("/api/v1/api-keys", new { name, role = "Owner" }, _keys[Role.Owner])).Ok(201);
            return (made["id"].GetGuid(), made["key"].GetString()!);
        }
    }

    [Fact]
    public async Task What_another_project_has_is_not_there()
    {
        // A whole project of a stranger; its owner's key shows that each id is one that can be found.
        var stranger = await ApiHost.AddProjectAsync(_database);
        var flow = (await _api.PostAsync("/api/v1/flows", new { name = "Theirs" }, stranger)).Ok(201)["id"].GetGuid();
        (await _api.PostAsync($"/api/v1/flows/{flow}/publish", body: null, stranger)).Ok();
        var run = (await _api.PostAsync($"/api/v1/flows/{flow}/runs", new { }, stranger)).Ok(202)["id"].GetGuid();
        var connection = (await _api.PostAsync("/api/v1/connections", new { key = "theirs", kind = "secret", value = new { token = "x" } }, stranger)).Ok(201)["id"].GetGuid();
        (await _api.SendAsync(HttpMethod.Put, "/api/v1/variables/theirs", new { value = 1 }, stranger)).Ok();
        var apiKey = (await _api.PostAsync("/api/v1/api-keys", new { name = "Theirs" }, stranger)).Ok(201)["id"].GetGuid();
        foreach (var path in new[] { $"flows/{flow}", $"runs/{run}", $"connections/{connection}" })
            (await _api.GetAsync($"/api/v1/{path}", stranger)).Ok();

        var wrong = new List<string>();
        foreach (var route in Routes().Where(route => route.Required.Count > 0 && route.HasId))
        {
            foreach (var id in new[] { flow, run, connection, apiKey })
            {
                if (await CallAsync(route, _keys[Role.Owner], id) is var status and (< 400 or >= 500))
                    wrong.Add($"{route} with {id}: {status}");
            }
        }
        Assert.Equal([], wrong);
        Assert.Equal(1L, await _database.ScalarAsync("SELECT count(*) FROM flows WHERE id = $1 AND deleted_at IS NULL", flow));
        Assert.Equal(1L, await _database.ScalarAsync("SELECT count(*) FROM connections WHERE id = $1", connection));
        Assert.Equal(1L, await _database.ScalarAsync("SELECT count(*) FROM api_keys WHERE id = $1 AND revoked_at IS NULL", apiKey));
        Assert.Equal(0L, await _database.ScalarAsync("SELECT count(*) FROM runs WHERE id = $1 AND status NOT IN (0, 1)", run));
        foreach (var route in Routes().Where(route => route.Pattern.StartsWith("/api/v1", StringComparison.Ordinal) && route is { Method: "GET", HasId: false } && route.Required.Count > 0))
        {
            var text = await TextAsync(route, _keys[Role.Owner]);
            foreach (var id in new[] { flow, run, connection, apiKey })
                Assert.DoesNotContain($"{id}", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_keys_scopes_cut_its_role_down_and_it_makes_no_stronger_key()
    {
        var made = (await _api.PostAsync("/api/v1/api-keys", new { name = "CI", role = "Admin", scopes = new[] { "flows:read", "keys:manage" } })).Ok(201);
        var key = made["key"].GetString()!;
        (await _api.GetAsync("/api/v1/flows", key)).Ok();
        var refused = await _api.PostAsync("/api/v1/flows", new { name = "No" }, key);
        refused.Problem(403);
        Assert.Contains("flows:edit", refused["detail"].GetString(), StringComparison.Ordinal);
        Assert.Contains("insufficient_scope", refused.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);

        (await _api.PostAsync("/api/v1/api-keys", new { name = "Stronger", role = "Viewer" }, key)).Problem(403);
        (await _api.PostAsync("/api/v1/api-keys", new { name = "As strong", role = "Viewer", scopes = new[] { "flows:read" } }, key)).Ok(201);
        Assert.Equal(["$.scopes[1]: There is no permission 'flows:fly'."],
            (await _api.PostAsync("/api/v1/api-keys", new { name = "CI", scopes = new[] { "flows:read", "flows:fly" } })).Problem(400));
        Assert.Single((await _api.PostAsync("/api/v1/api-keys", new { name = "CI", role = "King" })).Problem(400));
        (await _api.PostAsync("/api/v1/api-keys", new { name = "CI", scopes = Array.Empty<string>() })).Problem(400);
    }

    [Fact]
    public async Task A_key_without_a_role_of_its_own_is_an_editors()
    {
        var made = (await _api.PostAsync("/api/v1/api-keys", new { name = "CI" })).Ok(201);
        Assert.Equal("Editor", made["role"].GetString());
        (await _api.GetAsync("/api/v1/api-keys", made["key"].GetString()!)).Problem(403);
    }

    private IEnumerable<ApiRoute> Routes() => ApiRoute.All(_api);

    private async Task<int> CallAsync(ApiRoute route, string? key, Guid id, ApiHost? at = null)
    {
        using var answer = await SendAsync(route, key, id, at);
        return (int)answer.StatusCode;
    }

    private async Task<string> TextAsync(ApiRoute route, string key)
    {
        using var answer = await SendAsync(route, key, Guid.Empty);
        // What goes on has no end to wait for; what comes in it is asked for by project like the rest.
        return answer.Content.Headers.ContentType?.MediaType == "text/event-stream" ? "" : await answer.Content.ReadAsStringAsync();
    }

    private async Task<HttpResponseMessage> SendAsync(ApiRoute route, string? key, Guid id, ApiHost? at = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(route.Method), new Uri((at ?? _api).Http.BaseAddress!, route.Path(id)));
        if (key is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        if (route.Method is "POST" or "PUT" or "PATCH")
            request.Content = new StringContent("""{"made":"up"}""", Encoding.UTF8, "application/json");
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        return await fixture.Browser.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
    }

    /// <summary>One API with a key of the first project for each role.</summary>
    public sealed class KeyOfEachRole(Platform platform) : ApiFixture(platform)
    {
        internal Dictionary<Role, string> Keys { get; } = [];
        public HttpClient Browser { get; private set; } = null!;

        protected override Dictionary<string, string> Settings => new() { ["Flows:Queue:Provider"] = "Redis", ["Flows:Queue:KeyPrefix"] = Database.Name };

        public override async Task InitializeAsync()
        {
            await base.InitializeAsync();
            // A redirect is an answer: followed, it would come without the key.
            Browser = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = Api.Http.BaseAddress };
            var project = (Guid)(await Database.ScalarAsync("SELECT project_id FROM api_keys LIMIT 1"))!;
            foreach (var role in Enum.GetValues<Role>())
            {
                var key = Keys[role] = ApiKey.Generate();
                await Database.ScalarAsync(
                    "INSERT INTO api_keys (id, project_id, name, key_prefix, key_hash, role) VALUES ($1, $2, $3, $4, $5, $6)",
                    Guid.CreateVersion7(), project, $"{role}", key[..12], KeyHash.Of(key).ToBytes(), (short)role);
            }
        }

        public override async Task DisposeAsync()
        {
            Browser.Dispose();
            await base.DisposeAsync();
        }
    }
}
