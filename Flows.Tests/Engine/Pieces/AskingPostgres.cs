using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Pieces;
using Flows.Engine.Pieces.Postgres;
using Npgsql;

namespace Flows.Tests.Engine.Pieces;

/// <summary>The postgres piece against the real server of the tests.</summary>
[Collection(Platform.Databases)]
public sealed class AskingPostgres(Platform platform)
{
    private readonly string _table = $"piece_{Guid.CreateVersion7():N}";

    private Task<WalkedRun> WalkAsync(string steps, EngineLimits? limits = null) =>
        WalkedRun.OfAsync(steps.Replace("@T", _table, StringComparison.Ordinal), limits: limits, connections: new Dictionary<string, RawJson> { ["db"] = RawJson.Parse(Connection()) });

    private string Connection()
    {
        var server = new NpgsqlConnectionStringBuilder(platform.PostgresConnectionString);
        return JsonSerializer.Serialize(new { host = server.Host, port = server.Port, security = "none", username = server.Username, password = server.Password, database = server.Database });
    }

    private static string Step(string name, string action, string sql, string more = "") =>
        $$"""{ "name": "{{name}}", "kind": "action", "piece": "postgres", "action": "{{action}}", "connection": "db", "input": { "sql": "{{sql}}"{{more}} } }""";

    [Fact]
    public async Task Rows_are_written_with_parameters_and_read_back_as_objects()
    {
        var run = await WalkAsync($$"""
            [{{Step("create", "execute", "CREATE TABLE @T (id bigint, name text, at timestamptz, price numeric, data jsonb, key uuid, ok boolean)")}},
             {{Step("insert", "execute", "INSERT INTO @T VALUES ($1, $2, $3, $4, $5, $6, $7), ($1 + 1, NULL, NULL, 3, NULL, NULL, NULL)",
                 ", \"parameters\": [9007199254740993, \"'; DROP TABLE @T; --\", \"2026-03-01T10:00:00Z\", 19.99, { \"a\": [1] }, \"0190a000-0000-7000-8000-000000000001\", true]")}},
             {{Step("rows", "query", "SELECT * FROM @T WHERE id >= $1 ORDER BY id", ", \"parameters\": [1]")}},
             {{Step("few", "query", "SELECT id FROM @T", ", \"maxRows\": 1")}},
             {{Step("drop", "execute", "DROP TABLE @T")}}]
            """);

        Assert.True(run.Outcome!.Status == RunStatus.Succeeded, run.Outcome.Error?.Message);
        Assert.Equal("""{"rows":2}""", run["insert"].Output!.Value.ToString());
        var rows = run["rows"].Output!.Value.ToElement().GetProperty("rows");
        Assert.Equal("'; DROP TABLE " + _table + "; --", rows[0].GetProperty("name").GetString());
        Assert.Equal(9007199254740993, rows[0].GetProperty("id").GetInt64());
        Assert.Equal("2026-03-01T10:00:00Z", rows[0].GetProperty("at").GetString());
        Assert.Equal("19.99", rows[0].GetProperty("price").GetString());
        Assert.Equal("""{"a":[1]}""", rows[0].GetProperty("data").GetRawText());
        Assert.True(rows[0].GetProperty("ok").GetBoolean());
        Assert.Equal(JsonValueKind.Null, rows[1].GetProperty("name").ValueKind);
        Assert.Equal(3, rows[1].GetProperty("price").GetInt32());
        Assert.True(run["few"].Output!.Value.ToElement().GetProperty("truncated").GetBoolean());
        Assert.Equal((StepEffect.Effect, StepEffect.Idempotent), (run["insert"].Effect, run["rows"].Effect));
    }

    [Fact]
    public async Task A_query_cannot_write_and_errors_keep_their_sqlstate()
    {
        var write = await WalkAsync($"[{Step("q", "query", "CREATE TABLE @T (a int)")}]");
        var wrong = await WalkAsync($"[{Step("q", "query", "SELECT nothing")}]");
        var several = await WalkAsync($"[{Step("q", "query", "SELECT 1; DROP TABLE @T")}]");

        Assert.Equal("25006", write.Outcome!.Error!.Detail!.Value.ToElement().GetProperty("sqlState").GetString());
        Assert.Contains("42703", wrong.Outcome!.Error!.Message, StringComparison.Ordinal);
        Assert.Equal("42601", several.Outcome!.Error!.Detail!.Value.ToElement().GetProperty("sqlState").GetString());
    }

    [Fact]
    public async Task A_query_that_takes_too_long_or_gives_too_much_ends_with_its_limit()
    {
        var slow = await WalkAsync($"[{Step("q", "query", "SELECT pg_sleep(60)::text", ", \"timeout\": \"00:00:01\"")}]");
        var large = await WalkAsync($"[{Step("q", "query", "SELECT repeat('x', 1000) AS a FROM generate_series(1, 100)")}]", EngineLimits.Default with { OutputBytes = 10_000 });

        Assert.Equal("timeout", slow.Outcome!.Error!.Code);
        Assert.Equal("limit", large.Outcome!.Error!.Code);
    }

    [Fact]
    public async Task Signing_in_with_scram_proves_the_password_to_a_server_that_knows_it_and_leaves_one_that_does_not()
    {
        await using var source = NpgsqlDataSource.Create(platform.PostgresConnectionString);
        var role = $"piece_{Guid.CreateVersion7():N}";
        await ExecuteAsync(source, $"SET password_encryption = 'scram-sha-256'; CREATE ROLE {role} LOGIN PASSWORD 'sécret'");
        try
        {
            var hash = (string)(await ScalarAsync(source, $"SELECT rolpassword FROM pg_authid WHERE rolname = '{role}'"))!;
            Assert.StartsWith("SCRAM-SHA-256$", hash, StringComparison.Ordinal);
            Assert.Null(SignIn(hash, role, "sécret"));
            Assert.Equal("the server did not prove that it knows the password; is it the right one?", SignIn(hash, role, "wrong"));
        }
        finally
        {
            await ExecuteAsync(source, $"DROP ROLE {role}");
        }
    }

    [Fact]
    public async Task New_rows_start_once_each_even_when_they_appear_behind_others()
    {
        await using var source = NpgsqlDataSource.Create(platform.PostgresConnectionString);
        await ExecuteAsync(source, $"CREATE TABLE {_table} (id bigint PRIMARY KEY, name text); INSERT INTO {_table} SELECT n, 'row ' || n FROM generate_series(1, 150) n");
        try
        {
            var seen = new HashSet<string>();
            var first = await PollAsync(null);
            Assert.Equal(100, first.Items.Count); // which are old: the first poll starts nothing
            seen.UnionWith(first.Items.Select(item => item.Key!));
            Assert.Equal("50", Value.FromJson(first.Cursor!.Value).AsText);

            Assert.DoesNotContain((await PollAsync(first.Cursor)).Items, item => seen.Add(item.Key!));

            await ExecuteAsync(source, $"INSERT INTO {_table} VALUES (152, 'first')");
            var second = await PollAsync(first.Cursor);
            Assert.Equal(["""{"id":152,"name":"first"}"""], second.Items.Where(item => seen.Add(item.Key!)).Select(item => item.Output.ToString()));

            await ExecuteAsync(source, $"INSERT INTO {_table} VALUES (151, 'committed late')");
            var third = await PollAsync(second.Cursor);
            Assert.Equal(["""{"id":151,"name":"committed late"}"""], third.Items.Where(item => seen.Add(item.Key!)).Select(item => item.Output.ToString()));

            await ExecuteAsync(source, $"INSERT INTO {_table} SELECT n, NULL FROM generate_series(200, 1500) n");
            var fourth = await PollAsync(third.Cursor);
            var fifth = await PollAsync(fourth.Cursor);
            Assert.Equal((true, false), (fourth.HasMore, fifth.HasMore));
            Assert.Equal(1301, fourth.Items.Concat(fifth.Items).Count(item => seen.Add(item.Key!)));
        }
        finally
        {
            await ExecuteAsync(source, $"DROP TABLE {_table}");
        }
    }

    [Fact]
    public async Task A_table_that_is_empty_at_first_begins_with_its_first_row()
    {
        await using var source = NpgsqlDataSource.Create(platform.PostgresConnectionString);
        await ExecuteAsync(source, $"CREATE TABLE {_table} (id bigint PRIMARY KEY)");
        try
        {
            var first = await PollAsync(null);
            Assert.Empty(first.Items);
            await ExecuteAsync(source, $"INSERT INTO {_table} VALUES (1)");
            Assert.Equal("1", Assert.Single((await PollAsync(first.Cursor)).Items).Key);
        }
        finally
        {
            await ExecuteAsync(source, $"DROP TABLE {_table}");
        }
    }

    [Fact]
    public async Task The_form_offers_tables_and_their_columns_and_the_connection_can_be_tested()
    {
        await using var source = NpgsqlDataSource.Create(platform.PostgresConnectionString);
        await ExecuteAsync(source, $"CREATE TABLE {_table} (id bigint PRIMARY KEY, name text)");
        try
        {
            Assert.Equal(new PropOption(_table, _table), Assert.Single((await AskAsync(PieceCallKind.Options, "tables", "{}", search: _table.ToUpperInvariant())).Options!));
            Assert.Equal(["id (bigint)", "name (text)"], (await AskAsync(PieceCallKind.Options, "columns", $$"""{ "table": "{{_table}}" }""")).Options!.Select(option => option.Label));
            Assert.Contains("choose the table first", (await AskAsync(PieceCallKind.Options, "columns", "{}")).Error!.Message, StringComparison.Ordinal);
            Assert.EndsWith("@postgres", (await AskAsync(PieceCallKind.Test, "", "{}")).Account, StringComparison.Ordinal);
            // A name is nothing but a name.
            Assert.Contains("42P01", (await AskAsync(PieceCallKind.Poll, "new_row", """{ "table": "x\" ; DROP TABLE y; --", "column": "id" }""")).Error!.Message, StringComparison.Ordinal);
        }
        finally
        {
            await ExecuteAsync(source, $"DROP TABLE {_table}");
        }
    }

    private async Task<TriggerEvents> PollAsync(RawJson? cursor)
    {
        var answer = await AskAsync(PieceCallKind.Poll, "new_row", $$"""{ "table": "{{_table}}", "column": "id" }""", cursor);
        Assert.Null(answer.Error);
        return answer.Events!;
    }

    private Task<PieceAnswer> AskAsync(PieceCallKind kind, string part, string input, RawJson? cursor = null, string? search = null)
    {
        var http = OpenNetwork.CreateHttp();
        return new PieceCalls(PieceCatalog.All, http, TimeProvider.System).AnswerAsync(new PieceRequest(
            Guid.CreateVersion7(), kind, null, "postgres", part, RawJson.Parse(input), RawJson.Parse(Connection()), 30_000, 1 << 20, cursor, Search: search), CancellationToken.None);
    }

    /// <summary>The server's side of SCRAM (RFC 5802), over the hash that Postgres itself has made. Null: both have proved themselves.</summary>
    private static string? SignIn(string hash, string role, string password)
    {
        var parts = hash.Split('$', ':'); // SCRAM-SHA-256 $ iterations : salt $ stored key : server key
        var (storedKey, serverKey) = (Convert.FromBase64String(parts[3]), Convert.FromBase64String(parts[4]));
        var client = new PgSignIn(role, password, isSecret: false);
        try
        {
            var first = Text(client.Answer([0, 0, 0, 10, .. "SCRAM-SHA-256"u8, 0, 0])!, skip: "SCRAM-SHA-256".Length + 1 + 4)["n,,".Length..];
            var challenge = $"r={first[(first.IndexOf("r=", StringComparison.Ordinal) + 2)..]}more,s={parts[2]},i={parts[1]}";
            var last = Text(client.Answer([0, 0, 0, 11, .. Encoding.UTF8.GetBytes(challenge)])!, skip: 0);
            var (withoutProof, proof) = (last[..last.IndexOf(",p=", StringComparison.Ordinal)], Convert.FromBase64String(last[(last.IndexOf(",p=", StringComparison.Ordinal) + 3)..]));
            var signed = Encoding.UTF8.GetBytes($"{first},{challenge},{withoutProof}");
            var signature = HMACSHA256.HashData(storedKey, signed);
            for (var i = 0; i < proof.Length; i++)
                proof[i] ^= signature[i];
            var isRight = SHA256.HashData(proof).AsSpan().SequenceEqual(storedKey);
            var answer = isRight ? Convert.ToBase64String(HMACSHA256.HashData(serverKey, signed)) : "bm8=";
            return client.Answer([0, 0, 0, 12, .. Encoding.UTF8.GetBytes($"v={answer}")]) is null ? null : "it answered";
        }
        catch (PieceException error)
        {
            return error.Message;
        }

        static string Text(PgMessage message, int skip) => Encoding.UTF8.GetString(message.Framed(type: null).AsSpan(4 + skip));
    }

    private static async Task ExecuteAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<object?> ScalarAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        return await command.ExecuteScalarAsync();
    }
}
