using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;

namespace Flows.Tests.Api;

/// <summary>A small catalogue, so that these tests say by themselves what a flow may name.</summary>
internal static class TestCatalogue
{
    public static EngineCatalogue Engine { get; } = new(
        "1.0.0",
        [
            new PieceDescription("chat", "Chat", "Sends messages.",
                new AuthDescription("secret", "Token", null,
                    [new PropDescription("token", "Token", "string", "secret", true), new PropDescription("region", "Region", "string", "select", false, Options: ["eu", "us"])]),
                [new ActionDescription("send", "Send", "Sends a message.", StepEffect.Effect, [Prop("text", "string", required: true)])], []),
            new PieceDescription("http", "HTTP", "Calls a web address.", Auth: null,
                [new ActionDescription("request", "Request", "Sends a request.", StepEffect.Effect,
                    [Prop("method", "string"), Prop("url", "string", required: true), Prop("body", "any")])], []),
            new Flows.Engine.Pieces.GitHub.GitHubPiece().Describe(),
            new Flows.Engine.Pieces.Manual.ManualPiece().Describe(),
            new Flows.Engine.Pieces.Rss.RssPiece().Describe(),
            new PieceDescription("schedule", "Schedule", "Starts a flow at certain times.", Auth: null, [],
                [
                    new TriggerDescription("cron", "Cron", "Times.", "schedule",
                        [Prop("cron", "string", required: true), Prop("timeZone", "string"), Prop("missed", "string"), Prop("jitter", "string")]),
                    new TriggerDescription("interval", "Interval", "Again and again.", "schedule",
                        [Prop("every", "string", required: true), Prop("missed", "string"), Prop("jitter", "string")]),
                ]),
            new Flows.Engine.Pieces.Slack.SlackPiece().Describe(),
            new Flows.Engine.Pieces.Webhook.WebhookPiece().Describe(),
        ],
        ["action", "code", "router", "loop", "wait", "call", "respond", "stop"],
        ["javascript"],
        [new FunctionDescription("upper", "text", "upper(text)", "Upper case.")]);

    /// <summary>A definition with one respond step.</summary>
    public static string Flow(string text = "hi") => $$"""
        { "schema": 1,
          "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
          "steps": [ { "name": "answer", "kind": "respond", "status": 200, "body": { "text": "{{text}}" } } ] }
        """;

    private static PropDescription Prop(string name, string type, bool required = false) => new(name, name, type, "text", required);
}
