using System.Text.Json.Nodes;
using CsCheck;

namespace Flows.Tests.Properties;

/// <param name="Place">JSON path of what was changed.</param>
internal sealed record ChangedFlow(string Json, string Place);

/// <summary>Makes flow definitions, as JSON.</summary>
internal static class AnyFlow
{
    private static readonly Gen<string> s_word = Gen.Char['a', 'z'].Array[1, 6].Select(letters => new string(letters));

    /// <summary>Texts as people have them, and as they do not.</summary>
    private static readonly Gen<string> s_text = Gen.OneOf(
        s_word, Gen.Char['\u0001', '\ud7ff'].Array[0, 12].Select(letters => new string(letters)), Gen.OneOf("", " ", "{{ trigger }}", "{{", "}}", "{{ nope.x }}", "{{ 1 + }}", "00:00:01", "-1", "\0", "😀", "a.b['c']", "\u202e"));

    /// <summary>Any JSON value of a few levels.</summary>
    private static readonly Gen<JsonNode?> s_value = Value(3);

    public static Gen<string> Json => s_value.Select(value => value?.ToJsonString() ?? "null");

    /// <summary>Right in every way.</summary>
    public static Gen<string> Valid => Flow.Select(flow => flow.ToJsonString());

    /// <summary>A right one in which one value has become another, has gone, or has got a member more.</summary>
    public static Gen<ChangedFlow> Changed => Gen.Select(Flow, Gen.Int[0, 1_000_000], Gen.Int[0, 3], s_value, s_text).Select((flow, which, how, value, name) =>
    {
        var places = PlacesOf(flow, "$").ToList();
        var (parent, key, path) = places[which % places.Count];
        switch (parent)
        {
            case JsonObject members when how == 0:
                members.Remove((string)key);
                break;
            case JsonObject members when how == 1:
                members[name] = value?.DeepClone();
                break;
            case JsonObject members:
                members[(string)key] = value?.DeepClone();
                break;
            case JsonArray items when how == 0:
                items.RemoveAt((int)key);
                break;
            case JsonArray items when how == 1:
                items.Insert((int)key, items[(int)key]?.DeepClone());
                break;
            case JsonArray items:
                items[(int)key] = value?.DeepClone();
                break;
        }
        return new ChangedFlow(flow.ToJsonString(), path);
    });

    /// <summary>A right one with a member that neither the flow, its trigger nor a step has.</summary>
    public static Gen<ChangedFlow> WithUnknownField => Gen.Select(Flow, Gen.Int[0, 1_000_000], s_word, s_value).Select((flow, which, word, value) =>
    {
        var places = ObjectsOf(flow).ToList();
        var (members, path) = places[which % places.Count];
        members[$"zz_{word}"] = value?.DeepClone();
        return new ChangedFlow(flow.ToJsonString(), $"{path}.zz_{word}");
    });

    private static Gen<JsonObject> Flow => Steps(2).Select(steps => Numbered(new JsonObject
    {
        ["schema"] = 1,
        ["trigger"] = new JsonObject { ["name"] = "trigger", ["piece"] = "webhook", ["event"] = "catch", ["input"] = new JsonObject() },
        ["steps"] = steps,
    }));

    private static Gen<JsonArray> Steps(int depth) => Step(depth).Array[0, 4].Select(steps => new JsonArray([.. steps.Select(step => (JsonNode)step.DeepClone())]));

    private static Gen<JsonObject> Step(int depth)
    {
        var leaves = Gen.OneOf(
            Gen.OneOf("{{ trigger }}", "{{ trigger.body.a ?? 1 }}", "text", "{{ [1, 2].map(x => x * 2) }}").Select(value =>
                Made("action", ("piece", "data"), ("action", "set"), ("input", new JsonObject { ["value"] = value }))),
            Gen.Int[1, 5].Select(seconds => Made("wait", ("for", "delay"), ("value", $"00:00:0{seconds}"))),
            Gen.Bool.Select(failed => Made("stop", ("asFailed", failed), ("message", "Over"))),
            Gen.Int[200, 599].Select(status => Made("respond", ("status", status), ("body", "{{ trigger }}"))),
            Gen.Int[1, 5].Select(attempts => Made("action", ("piece", "http"), ("action", "request"), ("input", new JsonObject { ["method"] = "GET", ["url"] = "https://example.com/" }),
                ("retry", new JsonObject { ["attempts"] = attempts, ["delay"] = "00:00:01" }), ("onError", "continue"))));
        return depth == 0 ? leaves : Gen.Frequency(
            (3, leaves),
            (1, Gen.Select(Steps(depth - 1), Gen.Int[1, 4], (steps, parallel) => Made("loop", ("items", "{{ [1, 2, 3] }}"), ("parallel", parallel), ("steps", steps)))),
            (1, Gen.Select(Steps(depth - 1), Steps(depth - 1), Gen.OneOf("first", "all"), (yes, no, mode) => Made("router", ("mode", mode), ("branches", new JsonArray(
                new JsonObject { ["name"] = "Yes", ["when"] = "{{ trigger.body.a > 1 }}", ["steps"] = yes },
                new JsonObject { ["name"] = "No", ["otherwise"] = true, ["steps"] = no }))))));
    }

    private static JsonObject Made(string kind, params (string Name, JsonNode Value)[] fields)
    {
        var step = new JsonObject { ["name"] = "", ["kind"] = kind };
        foreach (var (name, value) in fields)
            step[name] = value.DeepClone();
        return step;
    }

    // Names are unique in a flow.
    private static JsonObject Numbered(JsonObject flow)
    {
        var number = 0;
        foreach (var (step, _) in ObjectsOf(flow).Where(place => place.Members.ContainsKey("kind")))
            step["name"] = $"s{++number}";
        return flow;
    }

    private static IEnumerable<(JsonObject Members, string Path)> ObjectsOf(JsonObject flow)
    {
        yield return (flow, "$");
        yield return (flow["trigger"]!.AsObject(), "$.trigger");
        foreach (var place in StepsOf(flow["steps"]!.AsArray(), "$.steps"))
            yield return place;
    }

    private static IEnumerable<(JsonObject Members, string Path)> StepsOf(JsonArray steps, string path)
    {
        for (var i = 0; i < steps.Count; i++)
        {
            var step = steps[i]!.AsObject();
            yield return (step, $"{path}[{i}]");
            if (step["steps"] is JsonArray inner)
            {
                foreach (var place in StepsOf(inner, $"{path}[{i}].steps"))
                    yield return place;
            }
            if (step["branches"] is not JsonArray branches)
                continue;
            for (var b = 0; b < branches.Count; b++)
            {
                foreach (var place in StepsOf(branches[b]!["steps"]!.AsArray(), $"{path}[{i}].branches[{b}].steps"))
                    yield return place;
            }
        }
    }

    private static IEnumerable<(JsonNode Parent, object Key, string Path)> PlacesOf(JsonNode? node, string path)
    {
        if (node is JsonObject members)
        {
            foreach (var (name, value) in members.ToList())
            {
                yield return (members, name, $"{path}.{name}");
                foreach (var place in PlacesOf(value, $"{path}.{name}"))
                    yield return place;
            }
        }
        else if (node is JsonArray items)
        {
            for (var i = 0; i < items.Count; i++)
            {
                yield return (items, i, $"{path}[{i}]");
                foreach (var place in PlacesOf(items[i], $"{path}[{i}]"))
                    yield return place;
            }
        }
    }

    private static Gen<JsonNode?> Value(int depth)
    {
        var leaves = Gen.OneOf<JsonNode?>(
            s_text.Select(text => (JsonNode?)text), Gen.Bool.Select(flag => (JsonNode?)flag), Gen.Const((JsonNode?)null),
            Gen.OneOf(Gen.Long, Gen.Long[-10, 10]).Select(number => (JsonNode?)number), Gen.Double[-1e300, 1e300].Select(number => (JsonNode?)number));
        return depth == 0 ? leaves : Gen.Frequency(
            (3, leaves),
            (1, Value(depth - 1).Array[0, 3].Select(items => (JsonNode?)new JsonArray([.. items.Select(item => item?.DeepClone())]))),
            (1, Gen.Select(s_text, Value(depth - 1)).Array[0, 3].Select(members => (JsonNode?)new JsonObject(members.DistinctBy(member => member.Item1)
                .Select(member => KeyValuePair.Create(member.Item1, member.Item2?.DeepClone()))))));
    }
}
