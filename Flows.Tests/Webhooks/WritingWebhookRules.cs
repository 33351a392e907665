using System.Text.Json;
using Flows.Api.Flows;
using Flows.Contracts.Definitions;
using Flows.Tests.Api;

namespace Flows.Tests.Webhooks;

/// <summary>What is said about the settings of a webhook trigger when a definition is read.</summary>
public sealed class WritingWebhookRules
{
    private static readonly FlowCatalogue s_catalogue = new(TestCatalogue.Engine);

    [Theory]
    [InlineData("""{"auth":"hmac","connection":"shop","header":"X-Hub-Signature-256","prefix":"sha256="}""")]
    [InlineData("""{"auth":"hmac","connection":"slack","header":"X-Slack-Signature","prefix":"v0=","timestampHeader":"X-Slack-Request-Timestamp","signed":"v0:{timestamp}:{body}","handshake":"slack"}""")]
    [InlineData("""{"auth":"basic","connection":"people"}""")]
    [InlineData("""{"allow":["10.0.0.0/8","::1"],"perMinute":0}""")]
    [InlineData("""{"handshake":"meta","verifyToken":"x"}""")]
    [InlineData("""{"auth":"none","tolerance":"00:01:00"}""")]
    public void Is_fine(string input) => Assert.Empty(Read(input).Problems);

    [Theory]
    [InlineData("""{"auth":"hmac"}""", "$.trigger.input.connection", "name the connection")]
    [InlineData("""{"auth":"basic","secret":"x"}""", "$.trigger.input.username", "user name")]
    [InlineData("""{"auth":"token","secret":"x"}""", "$.trigger.input.auth", "token")]
    [InlineData("""{"secret":"x"}""", "$.trigger.input.auth", "auth does not say")]
    [InlineData("""{"auth":"header","secret":"x","connection":"y"}""", "$.trigger.input.secret", "either")]
    [InlineData("""{"auth":"header","connection":"y","header":"X Y"}""", "$.trigger.input.header", "no name of a header")]
    [InlineData("""{"auth":"hmac","connection":"y","algorithm":"md5"}""", "$.trigger.input.algorithm", "md5")]
    [InlineData("""{"auth":"hmac","connection":"y","signed":"{timestamp}"}""", "$.trigger.input.signed", "{body}")]
    [InlineData("""{"auth":"hmac","connection":"y","timestampHeader":"X-Time","signed":"{body}"}""", "$.trigger.input.signed", "{timestamp}")]
    [InlineData("""{"auth":"hmac","connection":"y","signed":"{timestamp}.{body}"}""", "$.trigger.input.timestampHeader", "name the header")]
    [InlineData("""{"auth":"hmac","connection":"y","tolerance":"soon"}""", "$.trigger.input.tolerance", "00:05:00")]
    [InlineData("""{"handshake":"meta"}""", "$.trigger.input.verifyToken", "verify token")]
    [InlineData("""{"allow":["10.0.0.0/33"]}""", "$.trigger.input.allow[0]", "10.0.0.0/33")]
    [InlineData("""{"allow":[7]}""", "$.trigger.input.allow[0]", "no address")]
    [InlineData("""{"perMinute":-1}""", "$.trigger.input.perMinute", "whole number")]
    [InlineData("""{"perMinutes":1}""", "$.trigger.input.perMinutes", "perMinutes")]
    public void Is_refused_with_its_place(string input, string path, string message)
    {
        var reading = Read(input);
        Assert.False(reading.IsValid);
        var problem = reading.Problems.First(problem => problem.Severity == ProblemSeverity.Error);
        Assert.Equal(path, problem.Path);
        Assert.Contains(message, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_literal_secret_is_a_warning()
    {
        var reading = Read("""{"auth":"header","secret":"x"}""");
        Assert.True(reading.IsValid);
        Assert.Equal(("$.trigger.input.secret", ProblemSeverity.Warning), reading.Problems.Select(problem => (problem.Path, problem.Severity)).Single());
    }

    private static DefinitionReading Read(string input) => s_catalogue.Read(JsonElement.Parse(
        $$"""{ "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {{input}} }, "steps": [ { "name": "answer", "kind": "respond", "status": 200, "body": {} } ] }"""));
}
