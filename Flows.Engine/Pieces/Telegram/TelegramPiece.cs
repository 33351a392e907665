using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Flows.Contracts.Definitions;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.Telegram;

/// <summary>https://core.telegram.org/bots/api</summary>
internal sealed partial class TelegramPiece(string address = "https://api.telegram.org") : Piece("telegram", "Telegram", "Sends messages as a bot, and starts flows from what people send to it.")
{
    private static readonly WebApi s_telegram = new("Telegram", body => WebAnswer.TextAt(body, "description"));

    public override AuthDescription Auth { get; } = new("secret", "Bot token", "What BotFather gives you: 123456:ABC…", [Prop.Secret("token", "Bot token", required: true)]);

    public override IReadOnlyList<PieceAction> Actions => [new SendMessage(address)];

    public override IReadOnlyList<PieceTrigger> Triggers => [new Update(address)];

    public override bool CanTest => true;

    /// <summary>https://core.telegram.org/bots/api#getme</summary>
    public override async Task<string> TestAsync(PieceContext context, CancellationToken cancel) =>
        $"@{(await CallAsync(address, "getMe", context, cancel))["result", "username"]}";

    internal sealed record SendInput(string ChatId, string Text, string Format, bool Silent);
    internal sealed record SendOutput(Value MessageId, Value Chat);
    internal sealed record UpdateInput(IReadOnlyList<string>? Kinds);

    private sealed class SendMessage(string address) : PieceAction<SendInput, SendOutput>(
        "send_message", "Send a message", "Sends a message to a chat, group or channel.", StepEffect.Effect, TelegramJson.Default)
    {
        private const int Longest = 4096;

        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Text("chatId", "Chat", required: true, help: "The number of a chat, or @name of a channel."),
            Prop.Multiline("text", "Text", required: true, help: "At most 4096 characters."),
            Prop.Select("format", "Format", ["plain", "HTML", "MarkdownV2"], "plain"),
            Prop.Flag("silent", "Without a sound", otherwise: false),
        ];

        protected override async Task<SendOutput> RunAsync(SendInput input, PieceContext context, CancellationToken cancel)
        {
            if (input.Text.Length is 0 or > Longest)
                throw PieceException.Input($"'text' must have 1 to {Longest} characters; it has {input.Text.Length}.");
            var answer = await CallAsync(address, "sendMessage", context, cancel,
                new("chat_id", Value.Of(input.ChatId)), new("text", Value.Of(input.Text)),
                new("parse_mode", Value.Of(input.Format == "plain" ? null : input.Format)), new("disable_notification", Value.Of(input.Silent)));
            return new SendOutput(answer["result", "message_id"], answer["result", "chat", "id"]);
        }
    }

    /// <summary>https://core.telegram.org/bots/api#setwebhook. A bot has one webhook: the flow that was enabled last has it.</summary>
    private sealed class Update(string address) : HookTrigger<UpdateInput>(
        "update", "Something is sent to the bot", "Starts for every message, button press or other update of the bot. A bot has one such flow at a time.", """
        { "event": null, "id": "10000", "data": { "update_id": 10000, "message": { "message_id": 1365, "date": 1711698600, "text": "/start",
          "chat": { "id": 1111111, "type": "private", "first_name": "Ada" }, "from": { "id": 1111111, "is_bot": false, "first_name": "Ada" } } } }
        """,
        new HookDescription("header", "X-Telegram-Bot-Api-Secret-Token", IdField: "update_id"), TelegramJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
            [Prop.List("kinds", "Kinds of updates", help: "Such as message, edited_message or callback_query; Telegram's own choice when left out.")];

        protected override async Task<RawJson> OnEnableAsync(UpdateInput input, HookTerms hook, PieceContext context, CancellationToken cancel)
        {
            await CallAsync(address, "setWebhook", context, cancel,
                new("url", Value.Of(hook.Url)), new("secret_token", Value.Of(hook.Secret)),
                new("allowed_updates", input.Kinds is null ? Value.Null : ValueList.Of(input.Kinds.Select(kind => Value.Of(kind)))));
            return RawJson.Parse("{}");
        }

        protected override async Task OnDisableAsync(UpdateInput input, HookTerms hook, PieceContext context, CancellationToken cancel)
        {
            // Another flow may have taken the bot over meanwhile.
            var known = await CallAsync(address, "getWebhookInfo", context, cancel);
            if (WebAnswer.TextAt(known.Body, "result", "url") == hook.Url)
                await CallAsync(address, "deleteWebhook", context, cancel);
        }
    }

    private static async Task<WebAnswer> CallAsync(
        string address, string method, PieceContext context, CancellationToken cancel, params KeyValuePair<string, Value>[] body)
    {
        // The token is part of the path: one of another form would address something else.
        var token = ConnectionOf.Field(context, "token").Trim();
        if (!Token().IsMatch(token))
            throw PieceException.Input("the field 'token' of the connection is no bot token; it looks like 123456:ABC….");
        var answer = await s_telegram.SendAsync(new HttpRequestMessage(HttpMethod.Post, $"{address}/bot{token}/{method}") { Content = WebApi.Json(body) }, context, cancel);
        return answer["ok"].IsTruthy
            ? answer
            : throw s_telegram.Refused(WebAnswer.TextAt(answer.Body, "description") ?? "it gives no reason", transient: false);
    }

    [GeneratedRegex("^[0-9]{1,20}:[A-Za-z0-9_-]{1,100}$")]
    private static partial Regex Token();

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(SendInput))]
    [JsonSerializable(typeof(SendOutput))]
    [JsonSerializable(typeof(UpdateInput))]
    private sealed partial class TelegramJson : JsonSerializerContext;
}
