using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;

namespace Flows.Tests.Engine.Pieces;

/// <summary>The redis piece against the real server of the tests.</summary>
[Collection(Platform.Queues)]
public sealed class AskingRedis(Platform platform)
{
    private readonly string _prefix = $"piece:{Guid.CreateVersion7():N}";

    private Task<WalkedRun> WalkAsync(string steps, EngineLimits? limits = null, string? password = null)
    {
        var (address, secret) = Address();
        return WalkedRun.OfAsync(steps.Replace("PREFIX", _prefix, StringComparison.Ordinal), limits: limits, connections: new Dictionary<string, RawJson>
        {
            ["cache"] = RawJson.Parse(JsonSerializer.Serialize(new { host = address[0], port = int.Parse(address[1], System.Globalization.CultureInfo.InvariantCulture), security = "none", password = password ?? secret })),
        });
    }

    private (string[] Address, string? Password) Address()
    {
        var parts = platform.RedisConnectionString.Split(',');
        return (parts[0].Split(':'), parts.FirstOrDefault(part => part.StartsWith("password=", StringComparison.OrdinalIgnoreCase))?["password=".Length..]);
    }

    private static string Step(string name, string action, string input) =>
        $$"""{ "name": "{{name}}", "kind": "action", "piece": "redis", "action": "{{action}}", "connection": "cache", "input": { {{input}} } }""";

    [Fact]
    public async Task Values_are_set_read_counted_pushed_and_deleted()
    {
        var run = await WalkAsync($$"""
            [{{Step("set", "set", "\"key\": \"PREFIX:a\", \"value\": { \"n\": 1, \"t\": \"ü\" }, \"seconds\": 60")}},
             {{Step("taken", "set", "\"key\": \"PREFIX:a\", \"value\": \"x\", \"onlyNew\": true")}},
             {{Step("get", "get", "\"key\": \"PREFIX:a\"")}},
             {{Step("none", "get", "\"key\": \"PREFIX:nothing\"")}},
             {{Step("count", "increment", "\"key\": \"PREFIX:n\", \"by\": 5")}},
             {{Step("push", "push", "\"key\": \"PREFIX:list\", \"value\": \"one\"")}},
             {{Step("publish", "publish", "\"channel\": \"PREFIX:news\", \"message\": \"hello\"")}},
             {{Step("gone", "delete", "\"key\": \"PREFIX:a\"")}}]
            """);

        Assert.True(run.Outcome!.Status == RunStatus.Succeeded, run.Outcome.Error?.Message);
        Assert.Equal(["true", "false", "\"{\\\"n\\\":1,\\\"t\\\":\\\"ü\\\"}\"", "null", "5", "1", "0", "true"], run.Journal.Select(line => line.Output!.Value.ToString()));
        Assert.Equal(StepEffect.Effect, run["count"].Effect);
        Assert.Equal(StepEffect.Idempotent, run["get"].Effect);
        // Done twice, the second one would say that the key is taken, by itself.
        Assert.Equal((StepEffect.Idempotent, StepEffect.Effect), (run["set"].Effect, run["taken"].Effect));
    }

    [Fact]
    public async Task What_the_server_refuses_is_told_in_its_words_and_a_large_answer_is_not_read()
    {
        var wrong = await WalkAsync($"[{Step("set", "set", "\"key\": \"PREFIX:text\", \"value\": \"abc\"")}, {Step("count", "increment", "\"key\": \"PREFIX:text\"")}]");
        var large = await WalkAsync(
            $"[{Step("set", "set", "\"key\": \"PREFIX:large\", \"value\": \"{{repeat('x', 5000)}}\"")}, {Step("get", "get", "\"key\": \"PREFIX:large\"")}]",
            EngineLimits.Default with { OutputBytes = 1000 });

        Assert.Equal("redis_refused", wrong.Outcome!.Error!.Code);
        Assert.Contains("integer", wrong.Outcome.Error.Message, StringComparison.Ordinal);
        Assert.Equal(("limit", "get"), (large.Outcome!.Error!.Code, large.Outcome.FailedStep));
    }

    [Fact]
    public async Task Without_a_connection_the_step_says_what_it_needs()
    {
        var run = await WalkedRun.OfAsync("""[{ "name": "get", "kind": "action", "piece": "redis", "action": "get", "input": { "key": "a" } }]""");
        Assert.Equal("input", run.Outcome!.Error!.Code);
        Assert.Contains("connection", run.Outcome.Error.Message, StringComparison.Ordinal);
    }
}
