using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Flows.Tests.Api;

namespace Flows.Tests.BadInput;

/// <summary>An API with one of everything in its project, and an owner's key.</summary>
public sealed class BadInputFixture(Platform platform) : IAsyncLifetime
{
    public TestDatabase Database { get; } = new(platform);
    public ApiHost Api { get; private set; } = null!;
    public HttpClient Http { get; private set; } = null!;
    internal Targets Own { get; private set; } = null!;
    internal Targets Theirs { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Api = await ApiHost.StartAsync(Database.ConnectionString, platform, new()
        {
            ["Flows:Queue:Provider"] = "Redis",
            ["Flows:Queue:KeyPrefix"] = Database.Name,
            ["Flows:Limits:PayloadMiB"] = "1",
            ["Flows:Timeouts:Webhook"] = "00:00:01", // nobody works here: whoever waits for an answer waits for as long as that
        });
        Http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, RequestHeaderEncodingSelector = (_, _) => Encoding.UTF8 }) { BaseAddress = Api.Http.BaseAddress, Timeout = TimeSpan.FromSeconds(30) };
        Own = await MakeAsync(ApiHost.Key, "Own");
        Theirs = await MakeAsync(await ApiHost.AddProjectAsync(Database), Mark);
    }

    /// <summary>What everything of the other project is called: no answer may say it.</summary>
    public const string Mark = "zz-of-the-other-project";

    /// <summary>All that the other project has, as one text: the same as long as nothing of it has changed. A run that nobody takes is rung for again now and then.</summary>
    internal async Task<string> TheirsAsync()
    {
        var states = new List<string>();
        await using var source = Npgsql.NpgsqlDataSource.Create(Database.ConnectionString);
        var tables = new List<(string Table, string Column)>();
        await using (var command = source.CreateCommand("""
            SELECT DISTINCT ON (c.relname) c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attname IN ('project_id', 'flow_id', 'run_id', 'connection_id')
            ORDER BY c.relname, array_position(ARRAY['project_id', 'flow_id', 'run_id', 'connection_id']::name[], a.attname)
            """))
        await using (var row = await command.ExecuteReaderAsync())
        {
            while (await row.ReadAsync())
                tables.Add((row.GetString(0), row.GetString(1)));
        }
        foreach (var (table, column) in tables.Append(("projects", "id")))
        {
            await using var command = source.CreateCommand($"SELECT coalesce(string_agg((to_jsonb(t) - ARRAY['last_used_at', 'due_at'])::text, E'\n' ORDER BY (to_jsonb(t) - ARRAY['last_used_at', 'due_at'])::text), '') FROM \"{table}\" t WHERE \"{column}\" = ANY($1)");
            command.Parameters.Add(new() { Value = Theirs.Ids.Values.Distinct().ToArray() });
            states.Add($"{table}: {await command.ExecuteScalarAsync()}");
        }
        return string.Join('\n', states);
    }

    public async Task DisposeAsync()
    {
        Http.Dispose();
        await Api.DisposeAsync();
        await Database.DisposeAsync();
    }

    private async Task<Targets> MakeAsync(string key, string name)
    {
        var flow = (await Api.PostAsync("/api/v1/flows", new { name }, key)).Ok(201)["id"].GetGuid();
        (await Api.PostAsync($"/api/v1/flows/{flow}/publish", body: null, key)).Ok();
        var deleted = (await Api.PostAsync("/api/v1/flows", new { name }, key)).Ok(201)["id"].GetGuid();
        (await Api.DeleteAsync($"/api/v1/flows/{deleted}", key)).Ok(204);
        var run = (await Api.PostAsync($"/api/v1/flows/{flow}/runs", new { name, large = new string('x', 40_000) }, key)).Ok(202)["id"].GetGuid();
        var project = (Guid)(await Database.ScalarAsync("SELECT project_id FROM flows WHERE id = $1", flow))!;
        var (user, session) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        await Database.ScalarAsync("INSERT INTO users (id, email, name, password_hash, created_at) VALUES ($1, $2, $3, 'x', now())", user, $"{name}@example.com", name);
        await Database.ScalarAsync("INSERT INTO members (project_id, user_id, role, created_at) VALUES ($1, $2, 5, now())", project, user);
        await Database.ScalarAsync("INSERT INTO sessions (id, user_id, token_hash, created_at, last_used_at) VALUES ($1, $2, $3, now(), now())", session, user, user.ToByteArray());
        return new Targets(new Dictionary<string, Guid>
        {
            ["flows"] = flow,
            ["webhooks"] = flow,
            ["deleted"] = deleted,
            ["runs"] = run,
            ["dead"] = run,
            ["values"] = (Guid)(await Database.ScalarAsync("SELECT id FROM run_values WHERE run_id = $1", run))!,
            ["connections"] = (await Api.PostAsync("/api/v1/connections", new { key = "target", name, kind = "secret", value = new { token = "x" } }, key)).Ok(201)["id"].GetGuid(),
            ["folders"] = (await Api.PostAsync("/api/v1/folders", new { name }, key)).Ok(201)["id"].GetGuid(),
            ["api-keys"] = (await Api.PostAsync("/api/v1/api-keys", new { name }, key)).Ok(201)["id"].GetGuid(),
            ["invitations"] = (await Api.PostAsync($"/api/v1/projects/{project}/invitations", new { role = "Viewer", email = $"{name}@example.com" }, key)).Ok(201)["id"].GetGuid(),
            ["members"] = user,
            ["sessions"] = session,
            ["projects"] = project,
        });
    }
}

/// <summary>Every route that there is, with everything wrong that can be wrong with what it takes. Nothing here names a route: a new one is in it.</summary>
[Collection(Platform.Apis)]
public sealed class SendingBadInput(BadInputFixture fixture) : IClassFixture<BadInputFixture>
{
    /// <summary>The installation's limit here, in bytes.</summary>
    private const int Payload = 1 << 20;

    private readonly ApiHost _api = fixture.Api;

    [Fact]
    public async Task Bodies_of_another_shape_are_refused_with_the_name_of_the_field() =>
        await SendAsync(Routes().SelectMany(route => BadCalls.OfBodies(route, fixture.Own)), atLeast: 1_500);

    [Fact]
    public async Task Values_of_a_query_that_are_none_are_refused_with_their_name() =>
        await SendAsync(Routes().Where(IsHarmless).SelectMany(route => BadCalls.OfQueries(route, fixture.Own)), atLeast: 400);

    [Fact]
    public async Task Ids_and_names_in_a_path_that_are_none_are_refused() =>
        await SendAsync(Routes().SelectMany(BadCalls.OfPaths), atLeast: 800);

    [Fact]
    public async Task Headers_that_cannot_be_read_break_nothing() =>
        await SendAsync(Routes().Where(IsHarmless).SelectMany(route => BadCalls.OfHeaders(route, fixture.Own)), atLeast: 500);

    [Fact]
    public async Task Ids_of_another_project_and_of_nobody_are_refused_though_everything_else_is_right()
    {
        var before = await fixture.TheirsAsync();
        var nobodys = new Targets(new Dictionary<string, Guid>());
        var calls = Routes().Where(route => route.Route.HasId && route.Route.Required.Count > 0).SelectMany(route =>
            new[] { ("another project's", fixture.Theirs.PathOf(route)), ("another project's in one's own", fixture.Own.PathOf(route, last: fixture.Theirs)), ("nobody's", nobodys.PathOf(route)) }.Select(of =>
                new BadCall(route, $"{of.Item1} ids", of.Item2) { Body = route.HasBody ? BadCall.Utf8(route.Body is null ? "{}" : Bodies.Write(route.Body)) : null }));
        await SendAsync(calls, atLeast: 120);
        Assert.Equal(before, await fixture.TheirsAsync());
    }

    [Fact]
    public async Task Ids_of_another_project_in_a_body_or_a_query_find_nothing_and_change_nothing_of_it()
    {
        var before = await fixture.TheirsAsync();
        Assert.Contains(BadInputFixture.Mark, before, StringComparison.Ordinal);
        await SendAsync(Routes().Where(IsHarmless).SelectMany(route => BadCalls.OfForeignIds(route, fixture.Own, fixture.Theirs)), atLeast: 50);
        Assert.Equal(before, await fixture.TheirsAsync());
    }

    [Fact]
    public async Task A_body_over_the_limit_is_refused_before_it_is_sent_and_one_without_a_length_when_it_gets_there()
    {
        var wrong = new ConcurrentBag<string>();
        var calls = Routes().Where(route => route.HasBody).SelectMany(route => route.Body is null ? new[] { (Route: route, IsChunked: false) } : [(route, false), (route, true)]);
        await Parallel.ForEachAsync(calls, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (call, _) =>
        {
            var (route, isChunked) = call;
            var path = fixture.Own.PathOf(route);
            var head = $"{route.Route.Method} {path} HTTP/1.1\r\nAuthorization: Bearer {(route.Route.IsForWorkers ? ApiHost.WorkerToken : ApiHost.Key)}\r\nContent-Type: application/json\r\n"
                + (isChunked ? "Transfer-Encoding: chunked" : "Content-Length: 99999999999");
            // A route that takes no body need not look at it.
            var expected = new BadCall(route, "", path) { Status = route.Body is null ? null : 413, MaySucceed = route.Body is null };
            var answer = await RawCall.SendAsync(_api.Http.BaseAddress!, head, isChunked ? RawCall.EndlessChunk((route.Limit ?? Payload) + 1) : default);
            if (expected.Wrong(answer.Status, answer.Type, retryAfter: null, answer.Text) is { } what)
                wrong.Add($"{route}, {(isChunked ? "chunked" : "by its length")}: {what}");
        });
        Assert.Equal([], wrong.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("GET /api/v1/flows/\u00ff\u00fe HTTP/1.1")]
    [InlineData("GET /api/v1/flows/\0 HTTP/1.1")]
    [InlineData("GET /api/v1/flows?q=\u00ff HTTP/1.1")]
    [InlineData("GET api/v1/flows HTTP/1.1")]
    [InlineData("G\u00cbT /api/v1/flows HTTP/1.1")]
    [InlineData("GET /api/v1/flows HTTP/9.9")]
    [InlineData("GET /api/v1/flows HTTP/1.1\r\nX-Flow: a\0b")]
    [InlineData("GET /api/v1/flows HTTP/1.1\r\nNo colon")]
    [InlineData("POST /api/v1/flows HTTP/1.1\r\nContent-Length: -1")]
    [InlineData("POST /api/v1/flows HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2")]
    [InlineData("POST /api/v1/flows HTTP/1.1\r\nTransfer-Encoding: nonsense")]
    [InlineData("POST /api/v1/flows HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked", "zz\r\n{}\r\n0\r\n\r\n")]
    public async Task What_is_no_http_is_refused_by_the_server_and_the_next_call_is_answered(string head, string body = "")
    {
        var answer = await RawCall.SendAsync(_api.Http.BaseAddress!, $"{head}\r\nAuthorization: Bearer {ApiHost.Key}", Encoding.Latin1.GetBytes(body));
        Assert.InRange((int)answer.Status, 400, 505);
        Assert.NotEqual(500, (int)answer.Status);
        (await _api.GetAsync("/api/v1/me")).Ok();
    }

    private IEnumerable<RouteInput> Routes() => RouteInput.All(_api);

    // What takes something away without a body to be wrong in would do so.
    private static bool IsHarmless(RouteInput input) => input.Route.Method is not "DELETE";

    private async Task SendAsync(IEnumerable<BadCall> calls, int atLeast)
    {
        var wrong = new ConcurrentBag<string>();
        var sent = 0;
        await Parallel.ForEachAsync(calls, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (call, cancel) =>
        {
            Interlocked.Increment(ref sent);
            if (await WrongAsync(call, cancel) is { } what)
                wrong.Add($"{call.Input}, {call.What}: {what[..Math.Min(what.Length, 400)]}");
        });
        Assert.Equal([], wrong.Order(StringComparer.Ordinal));
        Assert.True(sent >= atLeast, $"Only {sent} calls were made.");
    }

    private async Task<string?> WrongAsync(BadCall call, CancellationToken cancel)
    {
        try
        {
            using var request = call.Request(call.Input.Route.IsForWorkers ? ApiHost.WorkerToken : ApiHost.Key);
            using var response = await fixture.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
            // What goes on has no end to wait for.
            var text = response.Content.Headers.ContentType?.MediaType == "text/event-stream" ? "" : await response.Content.ReadAsStringAsync(cancel);
            if (text.Contains(BadInputFixture.Mark, StringComparison.Ordinal))
                return $"it tells of another project: {text}";
            var isServers = call.IsServers && text.Length == 0; // before there is a request that anything of ours has seen
            if (!isServers && (!response.Headers.Contains("X-Content-Type-Options") || !response.Headers.Contains("Content-Security-Policy")))
                return $"{(int)response.StatusCode} without the headers that keep a browser careful";
            return call.Wrong(response.StatusCode, response.Content.Headers.ContentType, response.Headers.RetryAfter, text);
        }
        catch (Exception error) when (error is HttpRequestException or OperationCanceledException or JsonException)
        {
            return $"{error.GetType().Name}: {error.Message}";
        }
    }
}
