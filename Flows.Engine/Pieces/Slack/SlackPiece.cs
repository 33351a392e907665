using System.Globalization;
using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.Slack;

/// <summary>https://docs.slack.dev/reference/methods</summary>
internal sealed partial class SlackPiece(string address = "https://slack.com/api") : Piece("slack", "Slack", "Sends messages, lists channels and hears what happens in them.")
{
    private static readonly WebApi s_slack = new("Slack", body => WebAnswer.TextAt(body, "error"));

    public override AuthDescription Auth { get; } = new("secret", "Bot token",
        "OAuth & Permissions of your Slack app; it begins with xoxb-. Scopes: chat:write, channels:read.",
    [
        Prop.Secret("token", "Bot token", required: true),
        Prop.Secret("signingSecret", "Signing secret", help: "Basic Information of the app. Triggers need it: Slack signs with it what it sends."),
    ]);

    public override IReadOnlyList<PieceAction> Actions => [new ListChannels(address), new SendMessage(address)];

    public override IReadOnlyList<PieceTrigger> Triggers => [new Event(address), new NewMessage(address)];

    public override IReadOnlyList<OptionSource> Sources => [new("channels", ChannelsAsync)];

    public override bool CanTest => true;

    /// <summary>https://docs.slack.dev/reference/methods/auth.test</summary>
    public override async Task<string> TestAsync(PieceContext context, CancellationToken cancel)
    {
        var answer = await CallAsync(new HttpRequestMessage(HttpMethod.Post, $"{address}/auth.test"), context, cancel);
        return $"{answer["user"]} in {answer["team"]}";
    }

    private async Task<IReadOnlyList<PropOption>> ChannelsAsync(OptionQuestion question, PieceContext context, CancellationToken cancel)
    {
        var channels = await ChannelsAsync(address, 5_000, archived: false, context, cancel);
        return [.. channels.Where(channel => question.Matches(channel.Name, channel.Id)).OrderBy(channel => channel.Name, StringComparer.OrdinalIgnoreCase)
            .Take(PropOption.Most).Select(channel => new PropOption(channel.Id, $"#{channel.Name}"))];
    }

    internal sealed record ListInput(long Limit, bool Archived);
    internal sealed record ListOutput(IReadOnlyList<Channel> Channels);
    internal sealed record Channel(string Id, string Name, bool IsPrivate);
    internal sealed record SendInput(string Channel, string Text, string? ThreadTs, Value Blocks);
    internal sealed record SendOutput(string Channel, string Ts);

    private sealed class SendMessage(string address) : PieceAction<SendInput, SendOutput>(
        "send_message", "Send a message", "Sends a message to a channel or a person.", StepEffect.Effect, SlackJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Text("channel", "Channel", required: true, help: "Id or #name of a channel, or a user's id.", source: "channels"),
            Prop.Multiline("text", "Text", required: true, help: "In Slack's mrkdwn."),
            Prop.Text("threadTs", "Thread", help: "The ts of a message: the new one answers it."),
            Prop.Any("blocks", "Blocks", help: "A list of Block Kit blocks; the text is then what notifications show."),
        ];

        protected override async Task<SendOutput> RunAsync(SendInput input, PieceContext context, CancellationToken cancel)
        {
            var answer = await CallAsync(new HttpRequestMessage(HttpMethod.Post, $"{address}/chat.postMessage")
            {
                Content = WebApi.Json(
                    new("channel", Value.Of(input.Channel)), new("text", Value.Of(input.Text)), new("thread_ts", Value.Of(input.ThreadTs)), new("blocks", input.Blocks)),
            }, context, cancel);
            return new SendOutput(answer["channel"].ToString(), answer["ts"].ToString());
        }
    }

    private sealed class ListChannels(string address) : PieceAction<ListInput, ListOutput>(
        "list_channels", "List channels", "The channels the bot can see.", StepEffect.Idempotent, SlackJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Integer("limit", "At most", otherwise: 200, help: "1 to 5000."),
            Prop.Flag("archived", "Archived ones too", otherwise: false),
        ];

        protected override async Task<ListOutput> RunAsync(ListInput input, PieceContext context, CancellationToken cancel)
        {
            if (input.Limit is < 1 or > 5000)
                throw PieceException.Input($"'limit' must be from 1 to 5000; found {input.Limit.ToString(CultureInfo.InvariantCulture)}.");
            return new ListOutput(await ChannelsAsync(address, input.Limit, input.Archived, context, cancel));
        }
    }

    private static async Task<IReadOnlyList<Channel>> ChannelsAsync(string address, long limit, bool archived, PieceContext context, CancellationToken cancel)
    {
        const int pageSize = 200;
        const int mostPages = 100;
        var channels = new List<Channel>();
        var cursor = "";
        for (var page = 1; ; page++)
        {
            var size = Math.Min(pageSize, limit - channels.Count);
            var answer = await CallAsync(new HttpRequestMessage(HttpMethod.Get, string.Create(CultureInfo.InvariantCulture,
                $"{address}/conversations.list?limit={size}&exclude_archived={(archived ? "false" : "true")}&cursor={Uri.EscapeDataString(cursor)}")), context, cancel);
            if (answer["channels"] is { Kind: ValueKind.List } found)
            {
                foreach (var channel in found.AsList)
                    channels.Add(new Channel(WebAnswer.At(channel, "id").ToString(), WebAnswer.At(channel, "name").ToString(), WebAnswer.At(channel, "is_private").IsTruthy));
            }
            var next = answer["response_metadata", "next_cursor"] is { IsText: true } text ? text.AsText : "";
            // Pages may have few channels, or none; cursors that lead round would never end.
            if (next.Length == 0 || next == cursor || channels.Count >= limit || page == mostPages)
                return [.. channels.Take((int)limit)];
            cursor = next;
        }
    }

    // Slack says 200 and { "ok": false } for most of what goes wrong.
    private static async Task<WebAnswer> CallAsync(HttpRequestMessage request, PieceContext context, CancellationToken cancel)
    {
        request.Headers.Authorization = ConnectionOf.Bearer(context, "token");
        var answer = await s_slack.SendAsync(request, context, cancel);
        if (answer["ok"].IsTruthy)
            return answer;
        var error = answer["error"].IsText ? answer["error"].AsText : "it gives no reason";
        throw s_slack.Refused(error, transient: error is "ratelimited" or "rate_limited" or "service_unavailable" or "internal_error" or "fatal_error" or "request_timeout");
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(ListInput))]
    [JsonSerializable(typeof(ListOutput))]
    [JsonSerializable(typeof(SendInput))]
    [JsonSerializable(typeof(SendOutput))]
    [JsonSerializable(typeof(EventInput))]
    [JsonSerializable(typeof(MessageInput))]
    private sealed partial class SlackJson : JsonSerializerContext;
}
