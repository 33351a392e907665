#pragma warning disable RS0030 // The thing to be shown is what pg_dump and pg_restore do with a database of Flows.
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using Flows.Tests.Api;
using Npgsql;

namespace Flows.Tests.EndToEnd;

/// <summary>The drill of docs/operations.md: a dump of a living Flows, restored into an empty database beside an empty Redis.</summary>
[Collection(Platform.Databases)]
[Trait("Category", "Proof")]
public sealed class RestoringABackup(Platform platform)
{
    private const string EncryptionKey = "drill-7Jx2mQ9vLk4ZtRb8WcNy5HdPgUoSaE31";
    private const string Key = "flk_key-of-the-restoring-drill-0123456789abcdef";

    [Fact]
    public async Task Runs_that_waited_go_on_finished_steps_stay_done_and_secrets_are_still_readable()
    {
        await using var first = new TestDatabase(platform);
        await using var second = new TestDatabase(platform);
        (string, string)[] settings = [("Flows__Queue__Provider", "Redis"), ("Flows__Security__EncryptionKey", EncryptionKey), ("Flows__Bootstrap__ApiKey", Key)];
        var dump = Path.Combine(Path.GetTempPath(), $"{first.Name}.dump");
        try
        {
            Guid flow, waiting, finished;
            string link;
            await using (var before = await FlowsProcess.StartAsync(first, platform.RedisConnectionString, settings))
            {
                await before.Api.SendAsync(HttpMethod.Post, "/api/v1/connections", """{ "key": "bird", "kind": "basic", "value": { "username": "ada", "password": "feathers-77" } }""");
                flow = await before.Api.PublishAsync("Drill", """
                    { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} },
                      "steps": [
                        { "name": "mail", "kind": "action", "piece": "data", "action": "set", "input": { "value": { "go": "{{resumeUrl('call')}}" } } },
                        { "name": "call", "kind": "wait", "for": "webhook", "expires": "01:00:00" },
                        { "name": "digest", "kind": "action", "piece": "crypto", "action": "hash", "input": { "data": "{{connections.bird.password}}", "algorithm": "sha256" } },
                        { "name": "end", "kind": "stop", "output": { "n": "{{call.body.n}}" } } ] }
                    """);
                finished = await before.Api.StartAsync(flow);
                await before.Api.UntilAsync(finished, now => now.GetProperty("status").GetString() == "Paused");
                await before.Api.SendAsync(HttpMethod.Post, $"/api/v1/runs/{finished}/cancel", null);
                waiting = await before.Api.StartAsync(flow);
                await before.Api.UntilAsync(waiting, now => now.GetProperty("status").GetString() == "Paused");
                link = new Uri((await before.Api.StepsAsync(waiting))[0].GetProperty("output").GetProperty("go").GetString()!).AbsolutePath;
                await RunAsync("pg_dump", first, "--format=custom", "--no-owner", $"--file={dump}", first.Name); // while it serves
            }

            await CreateAsync(second);
            await RunAsync("pg_restore", second, "--no-owner", "--exit-on-error", $"--dbname={second.Name}", dump);
            await using var after = await FlowsProcess.StartAsync(second, platform.RedisConnectionString, settings);

            Assert.Equal("Cancelled", (await after.Api.RunAsync(finished)).GetProperty("status").GetString());
            var started = (await after.Api.StepsAsync(waiting))[0].GetProperty("startedAt").GetDateTimeOffset();
            using var answer = await after.Api.Http.PostAsJsonAsync(link, new { n = 7 });
            Assert.True(answer.IsSuccessStatusCode, $"{answer.StatusCode}: {await answer.Content.ReadAsStringAsync()}");
            var ended = await after.Api.UntilFinalAsync(waiting);
            Assert.True(ended.GetProperty("status").GetString() == "Succeeded", ended.ToString());
            Assert.Equal("""{"n":7}""", ended.GetProperty("output").GetRawText());
            Assert.Equal(started, (await after.Api.StepsAsync(waiting))[0].GetProperty("startedAt").GetDateTimeOffset());

            // New ones as well: partitions, schedules of days to come and the queue are in order.
            var fresh = await after.Api.StartAsync(flow);
            await after.Api.UntilAsync(fresh, now => now.GetProperty("status").GetString() == "Paused");
        }
        finally
        {
            File.Delete(dump);
        }
    }

    private async Task CreateAsync(TestDatabase database)
    {
        await using var source = NpgsqlDataSource.Create(platform.PostgresConnectionString);
        await using var create = source.CreateCommand($"CREATE DATABASE \"{database.Name}\" TEMPLATE template0");
        await create.ExecuteNonQueryAsync();
    }

    private static async Task RunAsync(string program, TestDatabase database, params string[] arguments)
    {
        var server = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        var start = new ProcessStartInfo(FindProgram(program)) { RedirectStandardError = true };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        start.Environment["PGHOST"] = server.Host;
        start.Environment["PGPORT"] = $"{server.Port}";
        start.Environment["PGUSER"] = server.Username;
        start.Environment["PGPASSWORD"] = server.Password;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(120));
        Assert.True(process.ExitCode == 0, $"{program}: {await errors}");
    }

    // Beside the server, which Debian keeps out of the path; the newest one.
    private static string FindProgram(string name) =>
        (Directory.Exists("/usr/lib/postgresql") ? Directory.GetDirectories("/usr/lib/postgresql") : [])
            .Select(folder => Path.Combine(folder, "bin", name)).Where(File.Exists)
            .OrderByDescending(path => int.TryParse(path.Split('/')[4], out var version) ? version : 0).FirstOrDefault(name);
}
