using System.Text.Json.Nodes;

namespace Flows.Api.Import;

internal enum N8nKind { Step, If, Switch, Loop, Nothing }

/// <summary>What the nodes of n8n become here.</summary>
internal static class N8nNodes
{
    /// <summary>The last part of a node's type: <c>n8n-nodes-base.httpRequest</c> → <c>httpRequest</c>.</summary>
    public static string TypeOf(JsonObject node) => (node.Text("type") ?? "").Split('.')[^1];

    public static bool IsNote(JsonObject node) => TypeOf(node) == "stickyNote";

    public static bool IsTrigger(JsonObject node) => TypeOf(node) is var type
        && (type is "webhook" or "cron" or "interval" or "start" || type.EndsWith("Trigger", StringComparison.Ordinal));

    public static N8nKind KindOf(JsonObject node) => node.Flag("disabled") ? N8nKind.Step : TypeOf(node) switch
    {
        "if" or "filter" => N8nKind.If,
        "switch" => N8nKind.Switch,
        "splitInBatches" => N8nKind.Loop,
        "noOp" or "merge" => N8nKind.Nothing,
        _ => N8nKind.Step,
    };

    public static void AddTitle(JsonObject step, JsonObject node)
    {
        if (node.Text("name") is { Length: <= 200 } title && title != step.Text("name"))
            step["title"] = title;
    }

    /// <summary>The steps that stand for a node: one, under its name, and rarely another behind it.</summary>
    public static IEnumerable<JsonObject> Make(JsonObject node, string name, N8nExpressions expressions, string before, List<ImportNote> notes)
    {
        var parameters = node.Object("parameters") ?? [];
        JsonNode? Text(JsonNode? value) => value.Translated(expressions.Translate);
        var step = TypeOf(node) switch
        {
            "httpRequest" => Http(parameters, Text, name, notes),
            "set" => KeepsOthers(node, parameters, name, notes)
                ? Action("data", "merge", new JsonObject { ["objects"] = new JsonArray($"{{{{{before}}}}}", Fields(parameters, Text)) })
                : Action("data", "set", new JsonObject { ["value"] = Fields(parameters, Text) }),
            "code" when (parameters.Text("language") ?? "javaScript") != "javaScript" => null,
            "code" or "function" or "functionItem" => Code(parameters, before),
            "wait" => Wait(parameters, Text),
            "respondToWebhook" => Respond(parameters, Text, before),
            "executeWorkflow" => Call(parameters, before, name, notes),
            "stopAndError" => new JsonObject { ["kind"] = "stop", ["asFailed"] = true, ["message"] = Text(parameters["errorMessage"]) },
            _ => N8nServices.Make(node, parameters, Text, name, notes),
        };
        var unknown = step is null;
        if (step is null)
        {
            var what = $"{node.Text("type")} ({parameters.Text("resource")} {parameters.Text("operation")})".Replace(" ( )", "", StringComparison.Ordinal);
            notes.Add(new ImportNote(name, $"The node '{node.Text("name")}' ({what}) is not available here; the step is left out and keeps its old settings in its source.", Skipped: true));
            step = Placeholder.Of(name, node.Text("name"), what, parameters);
        }
        if (node.Object("credentials") is { Count: > 0 } credentials && !unknown && step["connection"] is null)
            notes.Add(new ImportNote(name, $"It used the credentials '{string.Join("', '", credentials.Select(one => one.Value.Text("name") ?? one.Key))}': make a connection and choose it."));

        var finished = new JsonObject { ["name"] = name };
        AddTitle(finished, node);
        foreach (var (field, value) in step.ToList())
        {
            step.Remove(field);
            if (!finished.ContainsKey(field))
                finished[field] = value;
        }
        if (node.Flag("disabled"))
            finished["skip"] = true;
        else if (!unknown && (node.Flag("continueOnFail") || node.Text("onError") is "continueRegularOutput" or "continueErrorOutput"))
            finished["onError"] = "continue";
        if (node.Flag("retryOnFail") && finished.Text("kind") is "action" or "code" && !unknown)
        {
            finished["retry"] = new JsonObject
            {
                ["attempts"] = Math.Clamp(node.Number("maxTries") ?? 3, 1, 20),
                ["delay"] = TimeSpan.FromMilliseconds(Math.Clamp(node.Number("waitBetweenTries") ?? 1000, 100, 3_600_000)).ToString("c"),
                ["on"] = new JsonArray("any"),
            };
        }
        yield return finished;
    }

    private static JsonObject Http(JsonObject parameters, Func<JsonNode?, JsonNode?> text, string name, List<ImportNote> notes)
    {
        var request = new JsonObject
        {
            ["method"] = (parameters.Text("method") ?? parameters.Text("requestMethod") ?? "GET").ToUpperInvariant(),
            ["url"] = text(parameters["url"]) ?? "",
        };
        if (Pairs(parameters.Object("queryParameters") ?? parameters.Object("queryParametersUi"), text) is { } query)
            request["query"] = query;
        if (Pairs(parameters.Object("headerParameters") ?? parameters.Object("headerParametersUi"), text) is { } headers)
            request["headers"] = headers;
        if (parameters.Text("specifyBody") == "json" || parameters["jsonBody"] is not null)
            request["body"] = Json(parameters.Text("jsonBody"), text);
        else if (Pairs(parameters.Object("bodyParameters") ?? parameters.Object("bodyParametersUi"), text) is { } body)
        {
            request["body"] = body;
            if (parameters.Text("contentType") is "form-urlencoded" or "multipart-form-data" or "multipart/form-data")
                request["bodyType"] = "form";
            if (parameters.Text("contentType")?.StartsWith("multipart", StringComparison.Ordinal) == true)
                notes.Add(new ImportNote(name, "The body is sent as a form; a field that was a file needs to be chosen anew."));
        }
        else if (parameters.Text("contentType") == "binaryData")
            notes.Add(new ImportNote(name, $"The request sent the file '{parameters.Text("inputDataFieldName") ?? "data"}' as its body: choose a file here."));
        else if (parameters.Text("contentType") == "raw" && parameters["body"] is { } raw)
        {
            request["bodyType"] = "text";
            request["body"] = text(raw);
        }
        if (parameters.Object("options").Number("timeout") is > 0 and var milliseconds)
            request["timeout"] = TimeSpan.FromMilliseconds(Math.Min(milliseconds, 3_600_000)).ToString("c");
        var left = parameters.Object("options").Names("pagination", "batching", "proxy", "redirect");
        if (left.Count > 0)
            notes.Add(new ImportNote(name, $"These options were not taken over: {string.Join(", ", left)}."));
        if (parameters.Text("authentication") is { } authentication and not "none")
            notes.Add(new ImportNote(name, $"The request was signed by '{authentication}': set its authentication here."));
        return Action("http", "request", request);
    }

    /// <summary>A body written as JSON text: its own JSON where it is some, so that its fields can be edited; else the text's value at run time.</summary>
    private static JsonNode? Json(string? body, Func<JsonNode?, JsonNode?> text)
    {
        if (body is null)
            return null;
        var translated = ForeignJson.Scalar(text(JsonValue.Create(body))) ?? "";
        try
        {
            return JsonNode.Parse(body.StartsWith('=') ? Quoted(translated) : body);
        }
        catch (System.Text.Json.JsonException)
        {
            return translated;
        }
    }

    /// <summary>JSON text in which expressions stand for whole values: in quotes they are strings of one expression, which keep their type.</summary>
    private static string Quoted(string json)
    {
        var quoted = new System.Text.StringBuilder(json.Length + 16);
        var inString = false;
        for (var at = 0; at < json.Length; at++)
        {
            var end = json.AsSpan(at).StartsWith("{{") ? json.IndexOf("}}", at, StringComparison.Ordinal) : -1;
            if (end < 0)
            {
                inString ^= json[at] == '"' && (at == 0 || json[at - 1] != '\\');
                quoted.Append(json[at]);
                continue;
            }
            var expression = System.Text.Json.JsonEncodedText.Encode(json[at..(end + 2)], System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping).ToString();
            quoted.Append(inString ? expression : $"\"{expression}\"");
            at = end + 1;
        }
        return quoted.ToString();
    }

    private static JsonObject? Pairs(JsonObject? group, Func<JsonNode?, JsonNode?> text)
    {
        var pairs = new JsonObject();
        foreach (var pair in group.Objects("parameters").Concat(group.Objects("parameter")))
        {
            if (pair.Text("name") is { Length: > 0 } name)
                pairs[name] = text(pair["value"]);
        }
        return pairs.Count > 0 ? pairs : null;
    }

    /// <summary>The node has added its fields to those that came in, which the older ones did unless told otherwise.</summary>
    private static bool KeepsOthers(JsonObject node, JsonObject parameters, string name, List<ImportNote> notes)
    {
        var keeps = node.Number("typeVersion") is >= 3 ? parameters.Flag("includeOtherFields") || parameters.Text("include") is not null and not "none" : !parameters.Flag("keepOnlySet");
        if (keeps && parameters.Text("include") is "selected" or "except")
            notes.Add(new ImportNote(name, "All fields that come in are kept, not only those that were chosen."));
        return keeps;
    }

    private static JsonNode Fields(JsonObject parameters, Func<JsonNode?, JsonNode?> text)
    {
        if (parameters.Text("mode") == "raw")
            return Json(parameters.Text("jsonOutput"), text) ?? new JsonObject();
        var fields = new JsonObject();
        foreach (var field in parameters.Object("assignments").Objects("assignments")
            .Concat(parameters.Object("fields").Objects("values"))
            .Concat((parameters.Object("values") ?? []).SelectMany(type => (type.Value as JsonArray ?? []).OfType<JsonObject>())))
        {
            if (field.Text("name") is not { Length: > 0 } name)
                continue;
            var value = field["value"] ?? field.FirstOrDefault(other => other.Key.EndsWith("Value", StringComparison.Ordinal)).Value;
            SetAt(fields, name, text(value));
        }
        return fields;
    }

    /// <summary>A dotted name is a field inside another.</summary>
    private static void SetAt(JsonObject fields, string name, JsonNode? value)
    {
        var parts = name.Split('.');
        foreach (var part in parts[..^1])
        {
            if (fields[part] is not JsonObject inner)
                fields[part] = inner = [];
            fields = inner;
        }
        fields[parts[^1]] = value;
    }

    private static JsonObject Code(JsonObject parameters, string before)
    {
        var code = parameters.Text("jsCode") ?? parameters.Text("functionCode") ?? "return items;";
        // Their code sees a list of items with the data under json, and returns such a list.
        var source = $$"""
            export default async ({ input }) => {
              const items = (Array.isArray(input) ? input : [input]).map(json => ({ json }));
              const $input = { all: () => items, first: () => items[0], last: () => items[items.length - 1], item: items[0] };
              const $json = items[0]?.json;
              const item = items[0]?.json;
              const plain = one => one !== null && typeof one === 'object' && 'json' in one ? one.json : one;
              const result = await (async () => {
            {{code}}
              })();
              return Array.isArray(result) ? (result.length === 1 ? plain(result[0]) : result.map(plain)) : plain(result);
            };
            """;
        return new JsonObject { ["kind"] = "code", ["language"] = "javascript", ["source"] = source, ["input"] = new JsonObject { ["input"] = $"{{{{{before}}}}}" } };
    }

    private static JsonObject Wait(JsonObject parameters, Func<JsonNode?, JsonNode?> text)
    {
        switch (parameters.Text("resume"))
        {
            case "webhook" or "form":
                return new JsonObject { ["kind"] = "wait", ["for"] = "webhook" };
            case "specificTime":
                return new JsonObject { ["kind"] = "wait", ["for"] = "until", ["value"] = text(parameters["dateTime"]) };
        }
        var amount = parameters.Number("amount") ?? 1;
        return new JsonObject
        {
            ["kind"] = "wait",
            ["for"] = "delay",
            ["value"] = (parameters.Text("unit") switch
            {
                "minutes" => TimeSpan.FromMinutes(amount),
                "days" => TimeSpan.FromDays(amount),
                "seconds" => TimeSpan.FromSeconds(amount),
                _ => TimeSpan.FromHours(amount),
            }).ToString("c"),
        };
    }

    private static JsonObject Respond(JsonObject parameters, Func<JsonNode?, JsonNode?> text, string before)
    {
        var respond = new JsonObject { ["kind"] = "respond", ["status"] = parameters.Object("options").Number("responseCode") ?? 200 };
        switch (parameters.Text("respondWith"))
        {
            case "redirect":
                respond["status"] = 302;
                respond["headers"] = new JsonObject { ["Location"] = text(parameters["redirectURL"]) };
                break;
            case "json":
                respond["body"] = Json(parameters.Text("responseBody"), text);
                break;
            case "text":
                respond["body"] = text(parameters["responseBody"]);
                break;
            case "noData":
                break;
            default:
                respond["body"] = $"{{{{{before}}}}}";
                break;
        }
        return respond;
    }

    private static JsonObject Call(JsonObject parameters, string before, string name, List<ImportNote> notes)
    {
        notes.Add(new ImportNote(name, "Choose the flow to call: the old id means nothing here."));
        return new JsonObject
        {
            ["kind"] = "call",
            ["flow"] = parameters.Object("workflowId").Text("value") ?? parameters.Text("workflowId") ?? "choose-a-flow",
            ["input"] = new JsonObject { ["input"] = $"{{{{{before}}}}}" },
        };
    }

    private static JsonObject Action(string piece, string action, JsonObject input) =>
        new() { ["kind"] = "action", ["piece"] = piece, ["action"] = action, ["input"] = input };
}
