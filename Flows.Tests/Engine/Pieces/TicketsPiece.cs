using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Pieces;

namespace Flows.Tests.Engine.Pieces;

/// <summary>https://tickets.example.com/docs/api</summary>
internal sealed partial class TicketsPiece(string address) : Piece("tickets", "Tickets", "Opens tickets at the help desk.")
{
    public override AuthDescription Auth { get; } =
        new("secret", "API key", "Settings, API keys; it begins with tk_.", [Prop.Secret("key", "API key", required: true)]);

    public override IReadOnlyList<PieceAction> Actions => [new Open(address)];

    internal sealed record OpenInput(string Title, string? Text, string Priority, Value Labels);
    internal sealed record OpenOutput(string Id, string Link);
    internal sealed record Ticket(string Title, string? Text, string Priority, Value Labels);
    internal sealed record Reply(string Id);

    private sealed class Open(string address) : PieceAction<OpenInput, OpenOutput>(
        "open", "Open a ticket", "Opens a ticket and gives its id and address.", StepEffect.Effect, TicketsJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Text("title", "Title", required: true),
            Prop.Multiline("text", "Text"),
            Prop.Select("priority", "Priority", ["low", "normal", "high"], "normal"),
            Prop.Pairs("labels", "Labels", help: "Names and values the ticket is found by."),
        ];

        protected override async Task<OpenOutput> RunAsync(OpenInput input, PieceContext context, CancellationToken cancel)
        {
            if (input.Title.Length > 200)
                throw PieceException.Input($"'title' must have at most 200 characters; it has {input.Title.Length}.");

            using var request = new HttpRequestMessage(HttpMethod.Post, $"{address}/tickets")
            {
                Content = JsonContent.Create(new Ticket(input.Title, input.Text, input.Priority, input.Labels), TicketsJson.Default.Ticket),
            };
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", KeyOf(context));
            // The same for every try of this step, so that a ticket is opened once.
            request.Headers.Add("Idempotency-Key", context.IdempotencyKey);
            try
            {
                using var answer = await context.Http.Client.SendAsync(request, cancel);
                if ((int)answer.StatusCode is 408 or 429 or >= 500)
                    throw PieceException.Transient($"the help desk answered with status {(int)answer.StatusCode}.", "http_5xx");
                if (!answer.IsSuccessStatusCode)
                    throw PieceException.Final($"the help desk refused the ticket with status {(int)answer.StatusCode}.");
                var reply = await answer.Content.ReadFromJsonAsync(TicketsJson.Default.Reply, cancel);
                return new OpenOutput(reply!.Id, $"{address}/tickets/{reply.Id}");
            }
            catch (HttpRequestException)
            {
                throw PieceException.Transient("the help desk cannot be reached.", "network");
            }
        }

        private static string KeyOf(PieceContext context) =>
            context.Connection is { } connection && connection.ToElement().TryGetProperty("key", out var key)
                ? key.GetString()!
                : throw PieceException.Input("the step needs a connection with a 'key'.");
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(OpenInput))]
    [JsonSerializable(typeof(OpenOutput))]
    [JsonSerializable(typeof(Ticket))]
    [JsonSerializable(typeof(Reply))]
    private sealed partial class TicketsJson : JsonSerializerContext;
}
