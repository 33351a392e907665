using System.Text.Json;
using System.Text.Json.Nodes;
using Flows.Api.Import;
using Flows.Engine.Expressions;
using Flows.Tests.Language;

namespace Flows.Tests.Import;

/// <summary>The tests of n8n's If, brought over and then asked: each is to hold where it held there.</summary>
public sealed class DecidingLikeN8n
{
    private const string Json = """{ "total": 100, "text": "100", "city": "Ulm", "vip": true, "no": false, "at": "2026-02-01T00:00:00Z", "lines": [1, 2, 3], "none": {}, "some": { "a": 1 }, "blank": "" }""";

    [Theory]
    [InlineData("number", "equals", "={{ $json.total }}", "100", true)]
    [InlineData("number", "notEquals", "={{ $json.total }}", "100", false)]
    [InlineData("number", "notEquals", "={{ $json.total }}", "99", true)]
    [InlineData("number", "gte", "={{ $json.text }}", "100", true)]
    [InlineData("number", "gte", "={{ $json.total }}", "100.5", false)]
    [InlineData("number", "lte", "={{ $json.total }}", "=1{{ '00' }}", true)]
    [InlineData("number", "gt", "={{ $json.total }}", "100", false)]
    [InlineData("number", "larger", "={{ $json.total }}", "99", true)]
    [InlineData("number", "smallerEqual", "={{ $json.total }}", "99", false)]
    [InlineData("string", "regex", "={{ $json.city }}", "^U.m$", true)]
    [InlineData("string", "regex", "={{ $json.city }}", "/^ULM$/i", true)]
    [InlineData("string", "regex", "={{ $json.city }}", "/^ULM$/", false)]
    [InlineData("string", "notRegex", "={{ $json.city }}", "^B", true)]
    [InlineData("string", "equals", "={{ $json.city }}", "ulm", false)]
    [InlineData("string", "notEquals", "={{ $json.city }}", "ulm", true)]
    [InlineData("string", "notEmpty", "={{ $json.blank }}", null, false)]
    [InlineData("string", "contains", "In {{ this is no expression }}", "{{ this", true)]
    [InlineData("boolean", "true", "={{ $json.vip }}", null, true)]
    [InlineData("boolean", "equals", "={{ $json.no }}", "false", true)]
    [InlineData("boolean", "notEquals", "={{ $json.vip }}", "true", false)]
    [InlineData("boolean", "equals", "={{ $json.vip }}", "={{ $json.no }}", false)]
    [InlineData("boolean", "notEquals", "={{ $json.vip }}", "={{ $json.no }}", true)]
    [InlineData("dateTime", "afterOrEquals", "={{ $json.at }}", "2026-02-01", true)]
    [InlineData("dateTime", "beforeOrEquals", "={{ $json.at }}", "2026-01-31", false)]
    [InlineData("dateTime", "notEquals", "={{ $json.at }}", "2026-02-01", false)]
    [InlineData("array", "lengthEquals", "={{ $json.lines }}", "3", true)]
    [InlineData("array", "lengthNotEquals", "={{ $json.lines }}", "3", false)]
    [InlineData("array", "lengthGt", "={{ $json.lines }}", "2", true)]
    [InlineData("array", "lengthLte", "={{ $json.lines }}", "2", false)]
    [InlineData("array", "notEmpty", "={{ $json.lines }}", null, true)]
    [InlineData("object", "empty", "={{ $json.none }}", null, true)]
    [InlineData("object", "notEmpty", "={{ $json.some }}", null, true)]
    [InlineData("object", "exists", "={{ $json.nothing }}", null, false)]
    [InlineData("string", "soundsLike", "={{ $json.city }}", "Ulm", false)] // what nobody knows never holds
    public void A_test_holds_where_it_held_there(string type, string operation, string left, string? right, bool expected)
    {
        var test = new JsonObject { ["leftValue"] = left, ["rightValue"] = right, ["operator"] = new JsonObject { ["type"] = type, ["operation"] = operation } };
        var node = new JsonObject
        {
            ["type"] = "n8n-nodes-base.if",
            ["parameters"] = new JsonObject { ["conditions"] = new JsonObject { ["combinator"] = "and", ["conditions"] = new JsonArray(test) } },
        };
        var notes = new List<ImportNote>();
        var when = new N8nConditions(new N8nExpressions("trigger", _ => null), "if", notes).Branches(node)[0].When!;
        Assert.Equal(expected, Condition.Compile(JsonElement.Parse(when.ToJsonString())).Evaluate(SampleScope.Of($$"""{ "trigger": {{Json}} }"""), Language.Expressions.Context()));
        Assert.Equal(operation == "soundsLike" ? 1 : 0, notes.Count);
    }
}
