using System.Text.Json;
using Flows.Contracts.Definitions;
using Flows.Engine.Expressions;

namespace Flows.Tests.Language;

/// <summary>A sample definition with every kind of step, and a small catalogue.</summary>
internal static class Definitions
{
    public const string Sample = """
        {
          "schema": 1,
          "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {}, "connection": "shop" },
          "steps": [
            { "name": "order", "kind": "action", "piece": "http", "action": "request", "title": "Fetch the order", "note": "From the shop", "connection": "shop",
              "input": { "method": "GET", "url": "https://api.example.com/orders/{{trigger.body.id}}", "headers": { "x-key": "{{connections.shop.key}}" } },
              "retry": { "attempts": 3, "delay": "00:00:02", "backoff": 2.0, "on": ["timeout", "5xx", "network"] },
              "timeout": "00:00:30", "onError": { "steps": [
                { "name": "sorry", "kind": "respond", "status": 502, "headers": { "retry-after": "60" }, "body": { "reason": "{{errors.order.message}}" } } ] }, "onUncertain": "ask" },
            { "name": "total", "kind": "code", "language": "javascript", "input": { "lines": "{{order.body.lines}}" }, "effect": "pure",
              "source": "export default async ({ lines }) => lines.reduce((sum, l) => sum + l.qty * l.price, 0);" },
            { "name": "size", "kind": "router", "mode": "first",
              "branches": [
                { "name": "Big", "when": "{{total >= 1000}}", "steps": [
                  { "name": "ok", "kind": "wait", "for": "approval", "approvers": 1, "expires": "2.00:00:00", "message": "Order of {{total}}" } ] },
                { "name": "Near", "when": { "any": [ { "all": [ { "left": "{{order.body.city}}", "operator": "text_equals", "right": "Ulm", "caseSensitive": false } ] } ] }, "steps": [] },
                { "name": "Otherwise", "otherwise": true, "steps": [
                  { "name": "pause", "kind": "wait", "for": "delay", "value": "00:05:00", "skip": true } ] } ] },
            { "name": "each", "kind": "loop", "items": "{{order.body.lines}}", "parallel": 4, "onItemError": "continue", "steps": [
                { "name": "ship", "kind": "action", "piece": "http", "action": "request", "onError": "continue",
                  "input": { "method": "POST", "url": "https://ship.example.com/jobs", "body": { "sku": "{{each.item.sku}}", "n": "{{each.index}}" } } } ] },
            { "name": "audit", "kind": "call", "flow": "audit-flow", "input": { "order": "{{trigger.body.id}}", "approved": "{{size.results.Big?.approved ?? false}}" }, "await": true },
            { "name": "answer", "kind": "respond", "status": 200, "body": { "total": "{{total}}", "shipped": "{{each.results.length}}" } },
            { "name": "end", "kind": "stop", "asFailed": false, "message": "Done by {{run.id}}", "output": "{{ { total } }}" }
          ],
          "notes": [ { "text": "Ask Ida before you change this", "x": 400, "y": -20.5, "color": "blue" } ]
        }
        """;

    public static EngineCatalogue Catalogue { get; } = new(
        "test",
        [
            new("http", "HTTP", "Calls web addresses.", null,
                [new("request", "Request", "Sends a request.", null,
                [
                    new("method", "Method", "string", "select", Required: true, Options: ["GET", "POST", "PUT", "DELETE"], Default: JsonElement.Parse("\"GET\"")),
                    new("url", "Address", "string", "text", Required: true),
                    new("headers", "Headers", "object", "pairs", Required: false),
                    new("body", "Body", "any", "json", Required: false),
                    new("tries", "Tries", "integer", "number", Required: false),
                    new("follow", "Follow redirects", "boolean", "checkbox", Required: false),
                ])], []),
            new("webhook", "Webhook", "Starts a flow from a request.", null, [], [new("catch", "Catch", "Any request.", "webhook", [])]),
        ],
        ["action", "code", "router", "loop", "wait", "call", "respond", "stop"], ["javascript"], FunctionTable.Describe());

    public static DefinitionReading Read(string json, EngineCatalogue? catalogue = null) => DefinitionReader.Read(JsonElement.Parse(json), catalogue);

    /// <summary>A flow of these steps, and what is wrong with it: <c>path: message</c>, a warning with <c>~</c> in front.</summary>
    public static string[] Problems(string steps, EngineCatalogue? catalogue = null) => Of(Read(Flow(steps), catalogue ?? Catalogue));

    public static string Flow(string steps) => $$"""{ "schema": 1, "trigger": { "piece": "webhook", "event": "catch" }, "steps": [ {{steps}} ] }""";

    public static string[] Of(DefinitionReading reading) =>
        [.. reading.Problems.Select(problem => $"{(problem.Severity == ProblemSeverity.Warning ? "~" : "")}{problem.Path}: {problem.Message}")];
}
