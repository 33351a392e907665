using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
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
        var flow = await platform.Api.PublishAsync("Canary", Definition(url, key));

        var run = await platform.Api.SendAsync(HttpMethod.Post, $"/api/v1/flows/{flow}/runs?wait=30", $$"""{ "mark": "{{seen}}" }""");
        Assert.True(run.GetProperty("status").GetString() == "Failed", run.GetRawText());
        var id = run.GetProperty("id").GetGuid();

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
        foreach (var page in new[] { $"/api/v1/runs/{id}", $"/api/v1/runs/{id}/steps", "/api/v1/runs", "/api/v1/connections", "/queue", "/health", "/openapi/v1.json" })
        {
            using var answer = await platform.Api.AskAsync(HttpMethod.Get, page, null);
            everything.Add((page, await answer.Content.ReadAsStringAsync()));
        }
        found.AddRange(everything.Where(place => needles.Any(needle => place.Text.Contains(needle, StringComparison.OrdinalIgnoreCase))).Select(place => place.Where));
        Assert.True(found.Count == 0, $"The secret is in: {string.Join(", ", found)}.");

        // What the run shows instead.
        var steps = (await platform.Api.StepsAsync(id)).ToDictionary(step => step.GetProperty("path").GetString()!);
        Assert.True(steps.Count >= 5, $"{steps.Count} steps");
        Assert.Equal("x••••••y", steps["spelt"].GetProperty("output").GetProperty("inside").GetString());
        Assert.Contains(everything, place => place.Where == $"/api/v1/runs/{id}/steps" && place.Text.Contains(seen, StringComparison.Ordinal));
    }

    // Input, output, inside other text, in headers and bodies that come back, in other spellings, in an error, and in the error the run ends with.
    private static string Definition(string url, string key) => $$$"""
        { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} },
          "steps": [
            { "name": "mark", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{trigger.mark}}" } },
            { "name": "echo", "kind": "action", "piece": "http", "action": "request", "input": { "method": "POST", "url": "{{{url}}}/echo",
                "query": { "k": "{{connections.{{{key}}}.token}}" }, "headers": { "X-Api-Key": "{{connections.{{{key}}}.token}}" },
                "body": { "deep": [ { "text": "a {{connections.{{{key}}}.token}} b" } ] } } },
            { "name": "form", "kind": "action", "piece": "http", "action": "request", "input": { "method": "POST", "url": "{{{url}}}/echo", "bodyType": "form", "body": { "k": "{{connections.{{{key}}}.token}}" } } },
            { "name": "spelt", "kind": "action", "piece": "data", "action": "set", "input": { "value": {
                "plain": "{{connections.{{{key}}}.token}}", "inside": "x{{connections.{{{key}}}.token}}y", "url": "{{urlEncode(connections.{{{key}}}.token)}}",
                "base64": "{{base64Encode(connections.{{{key}}}.token)}}", "hex": "{{hexEncode(connections.{{{key}}}.token)}}", "all": "{{connections.{{{key}}}}}" } } },
            { "name": "again", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{spelt}}" } },
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
