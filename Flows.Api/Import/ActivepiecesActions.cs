using System.Globalization;
using System.Text.Json.Nodes;

namespace Flows.Api.Import;

/// <summary>What the pieces of Activepieces become here.</summary>
internal static class ActivepiecesActions
{
    /// <summary>The steps that stand for an action, the first under its name, and what has changed.</summary>
    internal sealed record Made(IReadOnlyList<JsonObject> Steps, IReadOnlyList<string> Notes)
    {
        public static Made One(JsonObject step, params string[] notes) => new([step], notes);
    }

    private static readonly Dictionary<string, string> s_operators = new(StringComparer.Ordinal)
    {
        ["TEXT_CONTAINS"] = "text_contains",
        ["TEXT_DOES_NOT_CONTAIN"] = "text_not_contains",
        ["TEXT_EXACTLY_MATCHES"] = "text_equals",
        ["TEXT_DOES_NOT_EXACTLY_MATCH"] = "text_not_equals",
        ["TEXT_STARTS_WITH"] = "text_starts_with",
        ["TEXT_START_WITH"] = "text_starts_with",
        ["TEXT_DOES_NOT_START_WITH"] = "text_not_starts_with",
        ["TEXT_ENDS_WITH"] = "text_ends_with",
        ["TEXT_DOES_NOT_END_WITH"] = "text_not_ends_with",
        ["NUMBER_IS_GREATER_THAN"] = "number_greater_than",
        ["NUMBER_IS_LESS_THAN"] = "number_less_than",
        ["NUMBER_IS_EQUAL_TO"] = "number_equals",
        ["BOOLEAN_IS_TRUE"] = "boolean_is_true",
        ["BOOLEAN_IS_FALSE"] = "boolean_is_false",
        ["DATE_IS_BEFORE"] = "date_before",
        ["DATE_IS_EQUAL"] = "date_equals",
        ["DATE_IS_AFTER"] = "date_after",
        ["LIST_CONTAINS"] = "list_contains",
        ["LIST_DOES_NOT_CONTAIN"] = "list_not_contains",
        ["LIST_IS_EMPTY"] = "list_is_empty",
        ["LIST_IS_NOT_EMPTY"] = "list_is_not_empty",
        ["EXISTS"] = "exists",
        ["DOES_NOT_EXIST"] = "not_exists",
    };

    private static readonly HashSet<string> s_oneSided = ["boolean_is_true", "boolean_is_false", "list_is_empty", "list_is_not_empty", "exists", "not_exists"];

    /// <summary><c>@activepieces/piece-http</c> → <c>http</c>.</summary>
    public static string NameOf(string? piece) => (piece ?? "").Replace("@activepieces/piece-", "", StringComparison.Ordinal);

    /// <summary>Null: there is nothing here that does the same.</summary>
    public static Made? Make(JsonObject settings, JsonObject input) => (NameOf(settings.Text("pieceName")), settings.Text("actionName")) switch
    {
        ("http", "send_request") => Http(input),
        ("delay", "delayFor" or "delay_for") => Made.One(new JsonObject { ["kind"] = "wait", ["for"] = "delay", ["value"] = Delay(input) }),
        ("delay", "delay_until" or "delayUntil") => Made.One(new JsonObject { ["kind"] = "wait", ["for"] = "until", ["value"] = input.Text("delayUntilTimestamp") ?? "" }),
        ("webhook", "return_response") => Respond(input),
        ("approval", "wait_for_approval") => Made.One(
            new JsonObject { ["kind"] = "wait", ["for"] = "approval", ["approvers"] = 1 }, "The links for the approver are made by the wait itself here; messages that hold the old links need the new ones."),
        ("data-mapper", "advanced_mapping") => Set(input["mapping"]),
        ("text-helper", "concat") => Action("text", "join", new JsonObject { ["items"] = input.Copy("texts"), ["separator"] = input.Text("seperator") ?? input.Text("separator") ?? "" }),
        ("text-helper", "split") => Action("text", "split", new JsonObject { ["text"] = input.Text("text"), ["separator"] = input.Text("delimiter") ?? "," }),
        ("text-helper", "replace") => Action("text", "replace", new JsonObject
        {
            ["text"] = input.Text("text"),
            ["search"] = input.Text("searchValue"),
            ["replacement"] = input.Text("replaceValue") ?? "",
        }),
        ("math-helper", "addition_math") => Calculate(input, "add"),
        ("math-helper", "subtraction_math") => Calculate(input, "subtract"),
        ("math-helper", "multiplication_math") => Calculate(input, "multiply"),
        ("math-helper", "division_math") => Calculate(input, "divide"),
        ("json", "convert_text_to_json") => Action("json", "parse", new JsonObject { ["text"] = input.Text("text") }),
        ("json", "convert_json_to_text") => Action("json", "stringify", new JsonObject { ["value"] = input.Copy("json") }),
        ("csv", "convert_csv_to_json") => Action("csv", "parse", new JsonObject { ["text"] = input.Text("csv_text"), ["header"] = input["has_headers"] is null || input.Flag("has_headers") }),
        ("csv", "convert_json_to_csv") => Action("csv", "write", new JsonObject { ["rows"] = input.Copy("json_array") }),
        ("xml", "convert-json-to-xml") => Action("xml", "write", new JsonObject { ["value"] = input.Copy("json") }),
        ("store", "get") => Action("storage", "get", new JsonObject { ["key"] = input.Text("key") }),
        ("store", "put") => Action("storage", "put", new JsonObject { ["key"] = input.Text("key"), ["value"] = input.Copy("value") }),
        ("subflows", "callFlow") => Made.One(
            new JsonObject { ["kind"] = "call", ["flow"] = input.Object("flow").Text("externalId") ?? input.Text("flow") ?? "", ["input"] = input.Copy("flowProps") as JsonObject ?? [] },
            "Choose the flow to call: the old id means nothing here."),
        ("subflows", "returnResponse") => Made.One(new JsonObject { ["kind"] = "stop", ["output"] = input.Copy("response") ?? input.Copy("data") }),
        _ => null,
    };

    /// <summary>The trigger of the piece schedule; null for one that is not known.</summary>
    public static JsonObject? Schedule(string? kind, JsonObject? input)
    {
        string Field(string name, int otherwise) => (input.Number(name) ?? otherwise).ToString(CultureInfo.InvariantCulture);
        var zone = input.Text("timezone");
        return kind switch
        {
            "every_x_minutes" => ForeignTrigger.Every(TimeSpan.FromMinutes(Math.Clamp(input.Number("minutes") ?? 5, 1, 527_040))),
            "every_hour" => ForeignTrigger.Cron(input.Flag("run_on_weekends") || input?["run_on_weekends"] is null ? "0 * * * *" : "0 * * * 1-5", zone),
            "every_day" => ForeignTrigger.Cron($"0 {Field("hour_of_the_day", 0)} * * {(input.Flag("run_on_weekends") || input?["run_on_weekends"] is null ? "*" : "1-5")}", zone),
            "every_week" => ForeignTrigger.Cron($"0 {Field("hour_of_the_day", 0)} * * {Field("day_of_the_week", 1)}", zone),
            "every_month" => ForeignTrigger.Cron($"0 {Field("hour_of_the_day", 0)} {Field("day_of_the_month", 1)} * *", zone),
            "cron_expression" => ForeignTrigger.Cron(input.Text("cronExpression") ?? "", zone),
            _ => null,
        };
    }

    /// <summary>OR of ANDs, in our words.</summary>
    public static JsonNode Condition(JsonNode? groups, Func<string, string> translate, string step, List<ImportNote> notes)
    {
        var any = new JsonArray();
        foreach (var group in (groups as JsonArray ?? []).OfType<JsonArray>())
        {
            var all = new JsonArray();
            foreach (var test in group.OfType<JsonObject>())
            {
                if (!s_operators.TryGetValue(test.Text("operator") ?? "", out var word))
                {
                    notes.Add(new ImportNote(step, $"The test '{test.Text("operator")}' could not be brought over and is to be written anew; until then it never holds."));
                    all.Add(new JsonObject { ["left"] = "{{ false }}", ["operator"] = "boolean_is_true" });
                    continue;
                }
                var made = new JsonObject { ["left"] = translate(test.Text("firstValue") ?? ""), ["operator"] = word };
                if (!s_oneSided.Contains(word))
                    made["right"] = translate(test.Text("secondValue") ?? "");
                if (test.Flag("caseSensitive"))
                    made["caseSensitive"] = true;
                all.Add(made);
            }
            if (all.Count > 0)
                any.Add(new JsonObject { ["all"] = all });
        }
        return any.Count > 0 ? new JsonObject { ["any"] = any } : JsonValue.Create(false);
    }

    /// <summary>A name of a branch that our paths allow, unique in the router.</summary>
    public static string BranchName(string? name, int index, HashSet<string> taken)
    {
        var plain = new string([.. (name ?? "").Where(c => c is not ('.' or ':' or '[' or ']' or '/') && !char.IsControl(c))]).Trim();
        if (plain.Length is 0 or > 60)
            plain = $"Branch {index + 1}";
        var unique = plain;
        for (var number = 2; !taken.Add(unique); number++)
            unique = $"{plain} {number}";
        return unique;
    }

    /// <summary>Their code exports a constant named <c>code</c>; ours is the default export.</summary>
    public static string CodeOf(string code) =>
        code.Contains("export default", StringComparison.Ordinal) ? code : code.TrimEnd() + "\n\nexport default code;\n";

    private static Made Http(JsonObject input)
    {
        var notes = new List<string>();
        var request = new JsonObject { ["method"] = (input.Text("method") ?? "GET").ToUpperInvariant(), ["url"] = input.Text("url") ?? "" };
        if (input.Object("queryParams") is { Count: > 0 } query)
            request["query"] = query.DeepClone();
        if (input.Object("headers") is { Count: > 0 } headers)
            request["headers"] = headers.DeepClone();
        var body = input.Object("body");
        switch (input.Text("body_type"))
        {
            case "json":
                request["body"] = body.Copy("data") ?? body?.DeepClone();
                break;
            case "form_data":
                request["bodyType"] = "form";
                request["body"] = body.Copy("data") ?? body?.DeepClone();
                notes.Add("The body is sent as a form; a field that was a file needs to be chosen anew.");
                break;
            case "raw":
                request["bodyType"] = "text";
                request["body"] = body.Copy("data");
                break;
        }
        if (input.Number("timeout") is > 0 and var seconds)
            request["timeout"] = TimeSpan.FromSeconds(Math.Min(seconds, 3600)).ToString("c");
        if (input.Flag("failsafe") || input.Text("failureMode") is "continue_all" or "continue_4xx")
            request["failOnError"] = false;
        if (input.Flag("response_is_binary"))
            notes.Add("The answer was taken as a file there: look at what the step gives here.");
        switch (input.Text("authType"))
        {
            case "BASIC":
                request["auth"] = "basic";
                request["username"] = input.Object("authFields").Text("username");
                request["password"] = input.Object("authFields").Text("password");
                break;
            case "BEARER_TOKEN":
                request["auth"] = "bearer";
                request["token"] = input.Object("authFields").Text("token");
                break;
        }
        if (input.Flag("use_proxy"))
            notes.Add("The proxy was not taken over: requests go out as the installation's network settings say.");
        return new Made([StepOf("http", "request", request)], notes);
    }

    private static Made Respond(JsonObject input)
    {
        var fields = input.Object("fields");
        var respond = new JsonObject { ["kind"] = "respond", ["status"] = fields.Number("status") ?? 200 };
        if (input.Text("responseType") == "redirect")
        {
            respond["status"] = 302;
            respond["headers"] = new JsonObject { ["Location"] = fields.Text("body") ?? "" };
        }
        else
        {
            if (fields.Object("headers") is { Count: > 0 } headers)
                respond["headers"] = headers.DeepClone();
            respond["body"] = fields.Copy("body");
        }
        return input.Text("respond") == "respond"
            ? Made.One(respond)
            : new Made([respond, new JsonObject { ["name"] = "stop", ["kind"] = "stop" }], []);
    }

    private static JsonNode Delay(JsonObject input)
    {
        var count = input.Number("delayFor");
        if (count is null && input.Text("delayFor") is { Length: > 0 } text)
            return text; // an expression; its check says when it gives no time
        return (input.Text("unit") switch
        {
            "minutes" => TimeSpan.FromMinutes(count ?? 1),
            "hours" => TimeSpan.FromHours(count ?? 1),
            "days" => TimeSpan.FromDays(count ?? 1),
            _ => TimeSpan.FromSeconds(count ?? 1),
        }).ToString("c");
    }

    private static Made Calculate(JsonObject input, string operation) =>
        Action("math", "calculate", new JsonObject { ["a"] = input.Copy("first_number"), ["operation"] = operation, ["b"] = input.Copy("second_number") });

    private static Made Set(JsonNode? value) => Action("data", "set", new JsonObject { ["value"] = value?.DeepClone() });

    private static Made Action(string piece, string action, JsonObject input) => Made.One(StepOf(piece, action, input));

    private static JsonObject StepOf(string piece, string action, JsonObject input)
    {
        foreach (var (name, _) in input.Where(field => field.Value is null).ToList())
            input.Remove(name);
        return new JsonObject { ["kind"] = "action", ["piece"] = piece, ["action"] = action, ["input"] = input };
    }
}
