using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Flows.Api.Runs.Values;
using Flows.Tests.Engine;
using Microsoft.AspNetCore.Builder;
using Npgsql;
using StackExchange.Redis;

namespace Flows.Tests.EndToEnd;

/// <summary>A known secret goes through a run in every way it can, and is then looked for in everything the platform has written.</summary>
[Collection(nameof(Platform))]
public sealed class LookingForASecret(Platform platform)
{
    [Fact]
    public async Task A_secret_that_went_through_a_run_is_found_nowhere()
    {
        await using var service = EchoServer.Create();
        await service.StartAsync();
        var url = EchoServer.UrlOf(service);
        // With characters that addresses, forms and JSON write in other ways.
        var core = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(12));
        var secret = $"cnry \"{core}/&+%<\\'";
        var seen = $"seen{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(12))}"; // what is no secret is found: the search works
        var key = $"canary{core[..8]}";
        await platform.Api.SendAsync(HttpMethod.Post, "/api/v1/connections", JsonSerializer.Serialize(new { key, kind = "custom", value = new { token = secret } }));
        var child = await platform.Api.PublishAsync("Canary's child", """{ "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} }, "steps": [] }""");
        var flow = await platform.Api.PublishAsync("Canary", Definition(url, key, child));

        using var called = await platform.Api.AskAsync(HttpMethod.Post, $"/webhooks/{flow}/sync", $$"""{ "mark": "{{seen}}" }""");
        var answered = await called.Content.ReadAsStringAsync();
        Assert.Contains(seen, answered, StringComparison.Ordinal);
        var run = await platform.Api.UntilFinalAsync(Guid.Parse(called.Headers.GetValues("Flows-Run-Id").Single()));
        Assert.True(run.GetProperty("status").GetString() == "Failed", run.GetRawText());
        var id = run.GetProperty("id").GetGuid();
        var journal = (await platform.Api.StepsAsync(id)).ToDictionary(step => step.GetProperty("path").GetString()!);

        string[] needles =
        [
            core, Convert.ToBase64String(Encoding.UTF8.GetBytes(secret)).TrimEnd('='), Convert.ToHexStringLower(Encoding.UTF8.GetBytes(secret)),
            JsonEncodedText.Encode(secret, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).ToString(), Uri.EscapeDataString(secret),
        ];
        var found = new List<string>();
        var everything = new List<(string Where, string Text)>();
        await CollectDatabaseAsync(needles, seen, found);
        everything.AddRange(await RedisAsync());
        foreach (var file in platform.LogFiles())
            everything.Add((Path.GetFileName(file), await ReadAsync(file)));
        everything.Add(("the answer of the webhook", answered));
        everything.AddRange(await PagesAsync(id, flow, journal));
        found.AddRange(everything.Where(place => needles.Any(needle => place.Text.Contains(needle, StringComparison.OrdinalIgnoreCase))).Select(place => place.Where));
        Assert.True(found.Count == 0, $"The secret is in: {string.Join(", ", found)}.");

        // What the run shows instead.
        Assert.True(journal.Count >= 13, $"{journal.Count} steps");
        Assert.Equal("x••••••y", journal["spelt"].GetProperty("output").GetProperty("inside").GetString());
        Assert.Equal("••••••", journal["remember"].GetProperty("output").GetString());
        Assert.Equal("a ••••••", await platform.Api.TextAsync($"/api/v1/runs/{id}/files/{journal["file"].GetProperty("output").GetProperty("file").GetString()}"));
        Assert.Contains(everything, place => place.Where == $"/api/v1/runs/{id}/steps" && place.Text.Contains(seen, StringComparison.Ordinal));
    }

    /// <summary>Every address that the API's document has for reading, with the ids of this run, and the pages for people.</summary>
    private async Task<List<(string Where, string Text)>> PagesAsync(Guid run, Guid flow, Dictionary<string, JsonElement> journal)
    {
        using var openApi = await platform.Api.AskAsync(HttpMethod.Get, "/openapi/v1.json", null);
        var paths = JsonElement.Parse(await openApi.Content.ReadAsStringAsync()).GetProperty("paths").EnumerateObject()
            .Where(path => path.Value.TryGetProperty("get", out _) && path.Name != "/api/v1/runs/events").Select(path => path.Name); // that one does not end
        var connection = (await platform.Api.SendAsync(HttpMethod.Get, "/api/v1/connections", null)).GetProperty("items")[0].GetProperty("id").GetString();
        var project = (await platform.Api.SendAsync(HttpMethod.Get, "/api/v1/me", null)).GetProperty("project").GetProperty("id").GetString();
        var ids = new (string Place, string? Id)[]
        {
            ("runs/{runId}", $"runs/{run}"), ("flows/{id}", $"flows/{flow}"), ("flows/{flowId}", $"flows/{flow}"), ("connections/{id}", $"connections/{connection}"), ("projects/{id}", $"projects/{project}"),
            ("files/{fileId}", $"files/{journal["file"].GetProperty("output").GetProperty("file").GetString()}"), ("{number}", "1"), ("{from}", "1"), ("{to}", "draft"),
            ("values/{valueId}", $"values/{journal["large"].GetProperty("largeOutput").GetProperty("url").GetString()!.Split('/')[^1]}"),
        };
        var all = new List<(string, string)>();
        var answered = 0;
        foreach (var page in paths.Concat(["/queue", "/admin/queues", "/metrics", "/health", "/sign-in", "/docs", "/openapi/v1.json"]).Append("/api/v1/flows?runs=5"))
        {
            var path = ids.Aggregate(page, (text, id) => text.Replace(id.Place, id.Id, StringComparison.Ordinal));
            foreach (var one in path.Contains("{path}/{part}", StringComparison.Ordinal) ? journal.Keys.SelectMany(step => new[] { "input", "output", "error" }.Select(part => path.Replace("{path}", step, StringComparison.Ordinal).Replace("{part}", part, StringComparison.Ordinal))) : [path])
            {
                using var answer = await platform.Api.AskAsync(HttpMethod.Get, one, null);
                answered += answer.IsSuccessStatusCode ? 1 : 0;
                all.Add((one, await answer.Content.ReadAsStringAsync()));
            }
        }
        Assert.True(answered > 60, $"Only {answered} pages answered.");
        return all;
    }

    // Input, output, inside other text, in headers and bodies that come back, in other spellings, in an error, and in the error the run ends with.
    // What it is given to keep: a value too large for its row, a file, a stored value, the input of code and of another flow, an answer to a caller.
    private static string Definition(string url, string key, Guid child) => $$$"""
        { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
          "steps": [
            { "name": "mark", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{trigger.body.mark}}" } },
            { "name": "echo", "kind": "action", "piece": "http", "action": "request", "input": { "method": "POST", "url": "{{{url}}}/echo",
                "query": { "k": "{{connections.{{{key}}}.token}}" }, "headers": { "X-Api-Key": "{{connections.{{{key}}}.token}}" },
                "body": { "deep": [ { "text": "a {{connections.{{{key}}}.token}} b" } ] } } },
            { "name": "form", "kind": "action", "piece": "http", "action": "request", "input": { "method": "POST", "url": "{{{url}}}/echo", "bodyType": "form", "body": { "k": "{{connections.{{{key}}}.token}}" } } },
            { "name": "spelt", "kind": "action", "piece": "data", "action": "set", "input": { "value": {
                "plain": "{{connections.{{{key}}}.token}}", "inside": "x{{connections.{{{key}}}.token}}y", "url": "{{urlEncode(connections.{{{key}}}.token)}}",
                "base64": "{{base64Encode(connections.{{{key}}}.token)}}", "hex": "{{hexEncode(connections.{{{key}}}.token)}}", "all": "{{connections.{{{key}}}}}" } } },
            { "name": "again", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{spelt}}" } },
            { "name": "large", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{repeat('0123456789', 5000)}}{{connections.{{{key}}}.token}}{{trigger.body.mark}}" } },
            { "name": "file", "kind": "action", "piece": "file", "action": "write", "input": { "name": "a.txt", "content": "a {{connections.{{{key}}}.token}}" } },
            { "name": "remember", "kind": "action", "piece": "storage", "action": "put", "input": { "key": "canary", "value": "{{connections.{{{key}}}.token}}" } },
            { "name": "code", "kind": "code", "language": "javascript", "source": "export default async (input) => { console.log(JSON.stringify(input)); return input; };", "input": { "all": "{{spelt}}" } },
            { "name": "child", "kind": "call", "flow": "{{{child}}}", "await": true, "input": { "all": "{{spelt}}" } },
            { "name": "answer", "kind": "respond", "status": 200, "body": { "all": "{{spelt}}", "mark": "{{mark}}" } },
            { "name": "failing", "kind": "action", "piece": "http", "action": "request", "onError": "continue", "input": { "url": "{{{url}}}/status/418", "query": { "k": "{{connections.{{{key}}}.token}}" } } },
            { "name": "bad", "kind": "action", "piece": "http", "action": "request", "onError": "continue", "input": { "url": "nonsense {{connections.{{{key}}}.token}}" } },
            { "name": "end", "kind": "action", "piece": "http", "action": "request", "input": { "method": "GET", "timeout": "{{connections.{{{key}}}.token}}", "url": "{{{url}}}/status/500" } } ] }
        """;

    private async Task CollectDatabaseAsync(string[] needles, string seen, List<string> found)
    {
        await using var db = NpgsqlDataSource.Create(platform.FlowsConnectionString);
        var columns = new List<(string Table, string Column, bool IsBytes)>();
        await using (var command = db.CreateCommand("""
            SELECT c.relname, a.attname, t.typname = 'bytea' FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
                AND t.typname IN ('text', 'varchar', 'bpchar', 'name', 'json', 'jsonb', 'bytea', '_text', '_json', '_bytea')
            """))
        await using (var row = await command.ExecuteReaderAsync())
        {
            while (await row.ReadAsync())
                columns.Add((row.GetString(0), row.GetString(1), row.GetBoolean(2)));
        }
        Assert.True(columns.Count > 30, $"{columns.Count} columns");
        var hasSeen = false;
        await LookIntoPackedAsync(db, needles, seen, found);
        foreach (var (table, column, isBytes) in columns)
        {
            var holds = isBytes ? $"position($1::bytea IN \"{column}\") > 0" : $"position(lower(convert_from($1::bytea, 'UTF8')) IN lower(\"{column}\"::text)) > 0";
            foreach (var needle in needles.Append(seen))
            {
                await using var command = db.CreateCommand($"SELECT EXISTS (SELECT FROM \"{table}\" WHERE {holds})");
                command.Parameters.Add(new NpgsqlParameter { Value = Encoding.UTF8.GetBytes(needle) });
                if (!(bool)(await command.ExecuteScalarAsync())!)
                    continue;
                if (needle == seen)
                    hasSeen = true;
                else
                    found.Add($"{table}.{column}");
            }
        }
        Assert.True(hasSeen, "The search does not find what is there.");
    }

    /// <summary>Large values are compressed: nothing is found in them as they are.</summary>
    private static async Task LookIntoPackedAsync(NpgsqlDataSource db, string[] needles, string seen, List<string> found)
    {
        var hasSeen = false;
        await using var command = db.CreateCommand($"SELECT data FROM run_values WHERE encoding = {(int)ValueEncoding.Brotli} ORDER BY run_id DESC LIMIT 1000");
        await using var row = await command.ExecuteReaderAsync();
        while (await row.ReadAsync())
        {
            await using var unpacked = new BrotliStream(new MemoryStream(row.GetFieldValue<byte[]>(0)), CompressionMode.Decompress);
            using var reader = new StreamReader(unpacked);
            var text = await reader.ReadToEndAsync();
            hasSeen |= text.Contains(seen, StringComparison.Ordinal);
            if (needles.Any(needle => text.Contains(needle, StringComparison.OrdinalIgnoreCase)))
                found.Add("run_values.data, compressed");
        }
        Assert.True(hasSeen, "The search does not find what is in a compressed value.");
    }

    private async Task<List<(string Where, string Text)>> RedisAsync()
    {
        await using var redis = await ConnectionMultiplexer.ConnectAsync(platform.RedisConnectionString);
        var (database, all) = (redis.GetDatabase(), new List<(string, string)>());
        foreach (var key in redis.GetServers().SelectMany(server => server.Keys(pageSize: 1000)))
        {
            var text = await database.KeyTypeAsync(key) switch
            {
                RedisType.String => (await database.StringGetAsync(key)).ToString(),
                RedisType.List => string.Join('\n', await database.ListRangeAsync(key)),
                RedisType.Set => string.Join('\n', await database.SetMembersAsync(key)),
                RedisType.SortedSet => string.Join('\n', await database.SortedSetRangeByRankAsync(key)),
                RedisType.Hash => string.Join('\n', (await database.HashGetAllAsync(key)).Select(entry => $"{entry.Name}={entry.Value}")),
                RedisType.Stream => string.Join('\n', (await database.StreamRangeAsync(key)).SelectMany(entry => entry.Values.Select(value => $"{value.Name}={value.Value}"))),
                _ => "",
            };
            all.Add(($"redis {key}", $"{key}\n{text}"));
        }
        return all;
    }

    // A process may be writing it.
    private static async Task<string> ReadAsync(string file)
    {
        await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync();
    }
}
