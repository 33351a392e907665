using System.Text.Json.Nodes;

namespace Flows.Api.Import;

/// <summary>Nodes of n8n that speak to a service which has a piece here. Parameters that have their usual value are not in its documents.</summary>
internal static class N8nServices
{
    /// <summary>Null: there is nothing here that does the same.</summary>
    public static JsonObject? Make(JsonObject node, JsonObject parameters, Func<JsonNode?, JsonNode?> text, string name, List<ImportNote> notes)
    {
        JsonNode? At(string field) => text(parameters[field]);
        JsonNode? Chosen(string field) => text(parameters.Object(field) is { } locator ? locator["value"] : parameters[field]); // { "mode": "id", "value": … }, or older the value alone
        var (resource, operation) = (parameters.Text("resource"), parameters.Text("operation"));
        var options = parameters.Object("options") ?? parameters.Object("otherOptions");
        return (N8nNodes.TypeOf(node), resource, operation) switch
        {
            ("slack", null or "message", null or "post") when parameters["blocksUi"] is null && parameters["attachments"] is null => ForeignService.Of("slack", "send_message", Key(node, "slack"), name, notes, new JsonObject
            {
                ["channel"] = parameters.Text("select") == "user" ? Chosen("user") : Chosen("channelId") ?? At("channel"),
                ["text"] = At("text"),
                ["threadTs"] = text(options.Object("thread_ts").Object("replyValues")?["thread_ts"]),
            }),
            ("telegram", null or "message", null or "sendMessage") => ForeignService.Of("telegram", "send_message", Key(node, "telegram"), name, notes, new JsonObject
            {
                ["chatId"] = At("chatId"),
                ["text"] = At("text"),
                ["format"] = parameters.Object("additionalFields").Text("parse_mode") is "HTML" or "MarkdownV2" ? parameters.Object("additionalFields").Text("parse_mode") : null,
            }),
            ("emailSend", _, null or "send") => ForeignService.Of("email", "send", Key(node, "email"), name, notes, new JsonObject
            {
                ["from"] = At("fromEmail"),
                ["to"] = At("toEmail"),
                ["cc"] = text(options?["ccEmail"] ?? parameters["ccEmail"]),
                ["bcc"] = text(options?["bccEmail"] ?? parameters["bccEmail"]),
                ["subject"] = At("subject"),
                ["text"] = At("text"),
                ["html"] = At("html"),
            }),
            ("twilio", null or "sms", null or "send") => ForeignService.Of("twilio", "send_sms", Key(node, "twilio"), name, notes, new JsonObject { ["from"] = At("from"), ["to"] = At("to"), ["text"] = At("message") }),
            ("github", null or "issue", null or "create") => ForeignService.Of("github", "create_issue", Key(node, "github"), name, notes, new JsonObject
            {
                ["owner"] = Chosen("owner"),
                ["repository"] = Chosen("repository"),
                ["title"] = At("title"),
                ["text"] = At("body"),
                ["labels"] = parameters.Objects("labels").Select(label => text(label["label"])).ToList() is { Count: > 0 } labels ? new JsonArray([.. labels]) : null,
            }),
            ("postgres", _, "executeQuery") => ForeignService.Sql(Key(node, "postgres"), name, notes, At("query"), parameters: null, options?["queryReplacement"] is not null),
            ("openAi", null or "text" or "chat", null or "message" or "complete") when parameters.Object("messages") is not null || parameters.Object("prompt") is not null => OpenAi(node, parameters, text, name, notes),
            _ => null,
        };
    }

    private static JsonObject OpenAi(JsonObject node, JsonObject parameters, Func<JsonNode?, JsonNode?> text, string name, List<ImportNote> notes)
    {
        var messages = parameters.Object("messages").Objects("values").Concat(parameters.Object("prompt").Objects("messages")).ToList();
        string? Said(Func<string?, bool> role) => string.Join("\n\n", messages.Where(message => role(message.Text("role"))).Select(message => ForeignJson.Scalar(text(message["content"])))) is { Length: > 0 } said ? said : null;
        if (messages.Any(message => message.Text("role") == "assistant"))
            notes.Add(new ImportNote(name, "What the model was given as its own words before was left out."));
        return ForeignService.Of("openai", "chat", Key(node, "openai"), name, notes, new JsonObject
        {
            ["model"] = text(parameters.Object("modelId")?["value"] ?? parameters["model"] ?? parameters["chatModel"]) ?? "gpt-4o-mini",
            ["prompt"] = Said(role => role is null or "user"),
            ["system"] = Said(role => role == "system"),
            ["asJson"] = parameters.Flag("jsonOutput") ? true : null,
        });
    }

    private static string Key(JsonObject node, string otherwise) => ForeignService.KeyOf(node.Object("credentials")?.Select(one => one.Value.Text("name")).FirstOrDefault(), otherwise);
}
