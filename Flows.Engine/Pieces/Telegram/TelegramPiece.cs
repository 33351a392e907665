using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.Telegram;

/// <summary>https://core.telegram.org/bots/api</summary>
internal sealed partial class TelegramPiece(string address = "https://api.telegram.org") : Piece("telegram", "Telegram", "Sends messages as a bot.")
{
    private static readonly WebApi s_telegram = new("Telegram", body => WebAnswer.TextAt(body, "description"));

    public override AuthDescription Auth { get; } = new("secret", "Bot token", "What BotFather gives you: 123456:ABC…", [Prop.Secret("token", "Bot token", required: true)]);

    public override IReadOnlyList<PieceAction> Actions => [new SendMessage(address)];

    internal sealed record SendInput(string ChatId, string Text, string Format, bool Silent);
    internal sealed record SendOutput(Value MessageId, Value Chat);

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
            // The token is part of the path: one of another form would address something else.
            var token = ConnectionOf.Field(context, "token").Trim();
            if (!Token().IsMatch(token))
                throw PieceException.Input("the field 'token' of the connection is no bot token; it looks like 123456:ABC….");

            var answer = await s_telegram.SendAsync(new HttpRequestMessage(HttpMethod.Post, $"{address}/bot{token}/sendMessage")
            {
                Content = WebApi.Json(
                    new("chat_id", Value.Of(input.ChatId)), new("text", Value.Of(input.Text)),
                    new("parse_mode", Value.Of(input.Format == "plain" ? null : input.Format)), new("disable_notification", Value.Of(input.Silent))),
            }, context, cancel);
            return answer["ok"].IsTruthy
                ? new SendOutput(answer["result", "message_id"], answer["result", "chat", "id"])
                : throw s_telegram.Refused(WebAnswer.TextAt(answer.Body, "description") ?? "it gives no reason", transient: false);
        }
    }

    [GeneratedRegex("^[0-9]{1,20}:[A-Za-z0-9_-]{1,100}$")]
    private static partial Regex Token();

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(SendInput))]
    [JsonSerializable(typeof(SendOutput))]
    private sealed partial class TelegramJson : JsonSerializerContext;
}
