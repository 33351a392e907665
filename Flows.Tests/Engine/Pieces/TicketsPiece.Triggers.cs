using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Engine.Pieces;

namespace Flows.Tests.Engine.Pieces;

internal sealed partial class TicketsPiece
{
    public override IReadOnlyList<PieceTrigger> Triggers => [new Opened(address), new Changed(address)];

    public override IReadOnlyList<OptionSource> Sources => [new("queues", QueuesAsync)];

    internal sealed record OpenedInput(string? Queue);
    internal sealed record OpenedTicket(string Id, string Title, DateTimeOffset OpenedAt);
    internal sealed record ChangedInput(IReadOnlyList<string>? Events);
    internal sealed record HookWanted(string Url, string Secret);
    internal sealed record HookMade(string Id);

    /// <summary>A polling trigger: asks for what was opened since the last time.</summary>
    private sealed class Opened(string address) : PollingTrigger<OpenedInput>("opened", "New ticket", "Starts once for each ticket that is opened.",
        """{ "id": "T-7", "title": "It burns", "openedAt": "2026-03-29T07:30:00+00:00" }""", TicketEventsJson.Default)
    {
        protected override IReadOnlyList<PropDescription> OwnProps { get; } = [Prop.Text("queue", "Queue", help: "All when left out.", source: "queues")];

        protected override async Task<TriggerEvents> PollAsync(OpenedInput input, RawJson? cursor, PieceContext context, CancellationToken cancel)
        {
            // Without a cursor this is the first poll: it says where "now" is, and its items start nothing.
            var since = cursor is { } seen ? JsonSerializer.Deserialize(seen.Utf8.Span, TicketEventsJson.Default.DateTimeOffset) : context.Clock.GetUtcNow();
            var path = $"{address}/tickets?queue={Uri.EscapeDataString(input.Queue ?? "")}&since={Uri.EscapeDataString(since.ToString("O"))}";
            using var answer = await SendAsync(new HttpRequestMessage(HttpMethod.Get, path), context, cancel);
            var found = await answer.Content.ReadFromJsonAsync(TicketEventsJson.Default.ListOpenedTicket, cancel) ?? [];

            // Two tickets may have the same time: the last one comes again, and its key tells that the flow has seen it.
            var last = found.Count == 0 ? since : found.Max(ticket => ticket.OpenedAt);
            return new TriggerEvents(
                [.. found.OrderBy(ticket => ticket.OpenedAt).Select(ticket => new TriggerItem(ticket.Id, Json(JsonSerializer.SerializeToUtf8Bytes(ticket, TicketEventsJson.Default.OpenedTicket))))],
                Json(JsonSerializer.SerializeToUtf8Bytes(last, TicketEventsJson.Default.DateTimeOffset)));
        }
    }

    /// <summary>A trigger that the service calls: signed with the hook's secret, its id in a header, the name of the event in another.</summary>
    private sealed class Changed(string address) : HookTrigger<ChangedInput>("changed", "Ticket changed", "Starts when something happens to a ticket.",
        """{ "event": "closed", "id": "E-1", "data": { "ticket": "T-7" } }""",
        new HookDescription("hmac", "X-Desk-Signature", IdHeader: "X-Desk-Event-Id", EventHeader: "X-Desk-Event", EventsInput: "events"), TicketEventsJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } = [Prop.List("events", "Events", help: "opened, closed or moved; all when left out.")];

        protected override async Task<RawJson> OnEnableAsync(ChangedInput input, HookTerms hook, PieceContext context, CancellationToken cancel)
        {
            // PUT: a second one, after a crash, is the same hook.
            using var answer = await SendAsync(new HttpRequestMessage(HttpMethod.Put, $"{address}/hooks")
            {
                Content = JsonContent.Create(new HookWanted(hook.Url, hook.Secret), TicketEventsJson.Default.HookWanted),
            }, context, cancel);
            var made = await answer.Content.ReadFromJsonAsync(TicketEventsJson.Default.HookMade, cancel);
            return Json(JsonSerializer.SerializeToUtf8Bytes(made!, TicketEventsJson.Default.HookMade));
        }

        protected override async Task OnDisableAsync(ChangedInput input, HookTerms hook, PieceContext context, CancellationToken cancel)
        {
            // Null when the worker that enabled it died before it could tell.
            if (hook.State is { } state && JsonSerializer.Deserialize(state.Utf8.Span, TicketEventsJson.Default.HookMade) is { } made)
                (await SendAsync(new HttpRequestMessage(HttpMethod.Delete, $"{address}/hooks/{Uri.EscapeDataString(made.Id)}"), context, cancel)).Dispose();
        }
    }

    /// <summary>What the form offers for an input with this source.</summary>
    private async Task<IReadOnlyList<PropOption>> QueuesAsync(OptionQuestion question, PieceContext context, CancellationToken cancel)
    {
        using var answer = await SendAsync(new HttpRequestMessage(HttpMethod.Get, $"{address}/queues"), context, cancel);
        var names = await answer.Content.ReadFromJsonAsync(TicketEventsJson.Default.ListString, cancel) ?? [];
        return [.. names.Where(name => question.Matches(name)).Select(name => new PropOption(name, name))];
    }

    private static async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, PieceContext context, CancellationToken cancel)
    {
        using var sent = request;
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", ConnectionOf.Field(context, "key"));
        try
        {
            var answer = await context.Http.Client.SendAsync(request, cancel);
            return answer.IsSuccessStatusCode ? answer
                : (int)answer.StatusCode is 408 or 429 or >= 500
                    ? throw PieceException.Transient($"the help desk answered with status {(int)answer.StatusCode}.", "http_5xx")
                    : throw PieceException.Final($"the help desk refused with status {(int)answer.StatusCode}.");
        }
        catch (HttpRequestException)
        {
            throw PieceException.Transient("the help desk cannot be reached.", "network");
        }
    }

    private static RawJson Json(byte[] utf8) => RawJson.FromUtf8(utf8);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(OpenedInput))]
    [JsonSerializable(typeof(List<OpenedTicket>))]
    [JsonSerializable(typeof(ChangedInput))]
    [JsonSerializable(typeof(HookWanted))]
    [JsonSerializable(typeof(HookMade))]
    [JsonSerializable(typeof(List<string>))]
    private sealed partial class TicketEventsJson : JsonSerializerContext;
}
