using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Flows.Api.Import;

/// <summary>Actions of Activepieces that speak to a service which has a piece here.</summary>
internal static partial class ActivepiecesServices
{
    /// <summary>Null: there is nothing here that does the same.</summary>
    /// <param name="input">Its expressions are translated already.</param>
    public static JsonObject? Make(string piece, string? action, JsonObject input, string name, List<ImportNote> notes)
    {
        JsonObject Of(string ours, string what, JsonObject fields) => ForeignService.Of(ours, what, Key(input, ours), name, notes, fields);
        return (piece, action) switch
        {
            ("slack", "send_channel_message") => Of("slack", "send_message", new JsonObject
            {
                ["channel"] = input.Copy("channel"),
                ["text"] = input.Copy("text"),
                ["threadTs"] = input.Text("threadTs") is { Length: > 0 } thread ? thread : null,
                ["blocks"] = input["blocks"] is JsonArray { Count: > 0 } ? input.Copy("blocks") : null,
            }),
            ("slack", "send_direct_message") => Of("slack", "send_message", new JsonObject { ["channel"] = input.Copy("userId"), ["text"] = input.Copy("text") }),
            ("telegram-bot", "send_text_message") => Of("telegram", "send_message", new JsonObject
            {
                ["chatId"] = input.Copy("chat_id"),
                ["text"] = input.Copy("message"),
                ["format"] = input.Text("format") is "HTML" or "MarkdownV2" ? input.Copy("format") : null,
            }),
            ("openai", "ask_chatgpt") => Of("openai", "chat", new JsonObject
            {
                ["model"] = input.Copy("model"),
                ["prompt"] = input.Copy("prompt"),
                ["system"] = input.Objects("roles").FirstOrDefault(role => role.Text("role") == "system").Text("content"),
                ["temperature"] = input.Text("temperature") is { Length: > 0 } ? input.Copy("temperature") : null,
                ["maxTokens"] = input.Text("maxTokens") is { Length: > 0 } ? input.Copy("maxTokens") : null,
            }),
            ("postgres", "run-query") => ForeignService.Sql(Key(input, "postgres"), name, notes, input.Copy("query"), input["args"] is JsonArray { Count: > 0 } ? input.Copy("args") : null, hasOthers: false),
            ("github", "github_create_issue") => Of("github", "create_issue", new JsonObject
            {
                ["owner"] = input.Object("repository").Text("owner"),
                ["repository"] = input.Object("repository").Text("repo"),
                ["title"] = input.Copy("title"),
                ["text"] = input.Copy("description"),
                ["labels"] = input["labels"] is JsonArray { Count: > 0 } ? input.Copy("labels") : null,
            }),
            ("smtp", "send-email") => Of("email", "send", new JsonObject
            {
                ["from"] = input.Copy("from"),
                ["to"] = input.Copy("to"),
                ["cc"] = input["cc"] is JsonArray { Count: > 0 } ? input.Copy("cc") : null,
                ["replyTo"] = input.Text("replyTo") is { Length: > 0 } reply ? reply : null,
                ["subject"] = input.Copy("subject"),
                [input.Text("body_type") == "html" ? "html" : "text"] = input.Copy("body"),
            }),
            ("twilio", "send_sms") => Of("twilio", "send_sms", new JsonObject { ["from"] = input.Copy("from"), ["to"] = input.Copy("to"), ["text"] = input.Copy("body") }),
            _ => null,
        };
    }

    // {{connections['slack']}}: the key that it had there.
    private static string Key(JsonObject input, string otherwise) =>
        ForeignService.KeyOf(Named().Match(input.Text("auth") ?? "") is { Success: true } named ? named.Groups["key"].Value : null, otherwise);

    [GeneratedRegex(@"connections(?:\[['""](?<key>[^'""]+)['""]\]|\.(?<key>\w+))", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Named();
}
