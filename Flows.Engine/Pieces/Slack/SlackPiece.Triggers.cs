using Flows.Contracts.Definitions;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;

namespace Flows.Engine.Pieces.Slack;

internal sealed partial class SlackPiece
{
    internal sealed record EventInput(IReadOnlyList<string> Events);
    internal sealed record MessageInput(string? Channel, bool Bots);

    private const string HowTo = " Publish the flow, then enter the address that its trigger shows as the Request URL under Event Subscriptions of your Slack app.";

    /// <summary>
    /// Signature: https://docs.slack.dev/authentication/verifying-requests-from-slack. Events, their ids and their repeats (x-slack-retry-num):
    /// https://docs.slack.dev/apis/events-api. The app is made by a person, and so is its one address for events.
    /// </summary>
    private static HookDescription Signed(string? eventsInput = null, params IReadOnlyList<HookCondition> conditions) => new(
        "hmac", "X-Slack-Signature", Prefix: "v0=", IdField: "event_id", EventsInput: eventsInput, TimestampHeader: "X-Slack-Request-Timestamp", Signed: "v0:{timestamp}:{body}",
        EventField: "event.type", Conditions: conditions, Handshake: "slack", SecretField: "signingSecret");

    private sealed class Event(string address) : SlackTrigger<EventInput>(
        address, "event", "Event in a workspace", "Starts when Slack tells of a reaction, a new channel, a mention or any other event." + HowTo, """
        { "event": "reaction_added", "id": "Ev08MFMKH6",
          "data": { "type": "event_callback", "team_id": "T123ABC456", "event_id": "Ev08MFMKH6", "event_time": 1234567890,
            "event": { "type": "reaction_added", "user": "U123ABC456", "reaction": "thumbsup", "item": { "type": "message", "channel": "C123ABC456", "ts": "1464196127.000002" } } } }
        """, Signed("events"))
    {
        private const int MostEvents = 50;

        public override IReadOnlyList<PropDescription> Props { get; } =
            [Prop.List("events", "Events", required: true, help: "Their types, such as app_mention, reaction_added or channel_created; the app must subscribe to them.")];

        protected override void Check(EventInput input)
        {
            if (input.Events.Count is 0 or > MostEvents || input.Events.Any(name => name.Length is 0 or > 100))
                throw PieceException.Input($"'events' must be a list of 1 to {MostEvents} types of events.");
        }
    }

    /// <summary>Messages as people write them: not those that were changed or deleted, nor that somebody has joined (https://docs.slack.dev/reference/events/message).</summary>
    private sealed class NewMessage(string address) : SlackTrigger<MessageInput>(
        address, "new_message", "New message", "Starts for each new message that the app can see." + HowTo + " Subscribe it to message.channels, or to the other events of messages that you want.", """
        { "event": "message", "id": "Ev08MFMKH7",
          "data": { "type": "event_callback", "team_id": "T123ABC456", "event_id": "Ev08MFMKH7", "event_time": 1355517523,
            "event": { "type": "message", "channel": "C123ABC456", "user": "U123ABC456", "text": "Hello, world", "ts": "1355517523.000005", "channel_type": "channel" } } }
        """, Signed(
            eventsInput: null,
            new HookCondition("event.type", Values: ["message"]),
            new HookCondition("event.subtype", Values: ["", "file_share", "thread_broadcast", "me_message", "bot_message"]),
            new HookCondition("event.bot_id", Unless: "bots"),
            new HookCondition("event.channel", Input: "channel")))
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Text("channel", "Channel", help: "The id of the only channel that counts; all when it is left out.", source: "channels"),
            Prop.Flag("bots", "Messages of bots too", otherwise: false, help: "A flow that writes to the channel that starts it would then start itself, without an end."),
        ];
    }

    /// <summary>Nothing can be registered with a bot's token: enabling makes sure that the connection has what is needed, and disabling has nothing to do.</summary>
    private abstract class SlackTrigger<TInput>(string address, string name, string title, string description, string sample, HookDescription hook)
        : HookTrigger<TInput>(name, title, description, sample, hook, SlackJson.Default) where TInput : class
    {
        protected virtual void Check(TInput input)
        {
        }

        protected sealed override async Task<RawJson> OnEnableAsync(TInput input, HookTerms hook, PieceContext context, CancellationToken cancel)
        {
            Check(input);
            ConnectionOf.Field(context, "signingSecret");
            await CallAsync(new HttpRequestMessage(HttpMethod.Post, $"{address}/auth.test"), context, cancel);
            return RawJson.Parse("{}");
        }

        protected sealed override Task OnDisableAsync(TInput input, HookTerms hook, PieceContext context, CancellationToken cancel) => Task.CompletedTask;
    }
}
