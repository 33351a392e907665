using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces.Email;

/// <summary>Sends mail through an SMTP server.</summary>
internal sealed partial class EmailPiece() : Piece("email", "E-mail", "Sends mail through any SMTP server.")
{
    private const int Port = 587;
    private const int MostRecipients = 100;
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);

    public override AuthDescription Auth { get; } = new(
        "custom", "SMTP server", "Port 587 with starttls, or 465 with tls.", ServerConnection.Fields(Port, ["starttls", "tls", "none"]));

    public override IReadOnlyList<PieceAction> Actions => [new Send()];

    internal sealed record SendInput(
        string From, Value To, Value Cc, Value Bcc, string? ReplyTo, string Subject, string? Text, string? Html, IReadOnlyList<Value>? Attachments);

    internal sealed record SendOutput(string MessageId, IReadOnlyList<string> Accepted);

    private sealed class Send() : PieceAction<SendInput, SendOutput>(
        "send", "Send a mail", "Sends one message to all its recipients, or to none when one of them is refused.", StepEffect.Effect, EmailJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Text("from", "From", required: true, help: "ada@example.com or Ada Lovelace <ada@example.com>."),
            Prop.Any("to", "To", required: true, help: $"An address or a list of them; at most {MostRecipients} with Cc and Bcc."),
            Prop.Any("cc", "Cc", help: "An address or a list of them."),
            Prop.Any("bcc", "Bcc", help: "An address or a list of them; the others do not see these."),
            Prop.Text("replyTo", "Reply to"),
            Prop.Text("subject", "Subject", required: true),
            Prop.Multiline("text", "Text", help: "Text or HTML is needed; with both, the reader's program chooses."),
            Prop.Multiline("html", "HTML"),
            Prop.List("attachments", "Attachments", help: "Files that steps gave."),
        ];

        protected override async Task<SendOutput> RunAsync(SendInput input, PieceContext context, CancellationToken cancel)
        {
            var message = await MessageAsync(input, context, cancel);
            var bcc = Mailboxes("bcc", input.Bcc);
            IReadOnlyList<string> recipients = [.. message.To.Concat(message.Cc).Concat(bcc).Select(mailbox => mailbox.Address).Distinct(StringComparer.OrdinalIgnoreCase)];
            if (recipients.Count > MostRecipients)
                throw PieceException.Input($"'to', 'cc' and 'bcc' have {recipients.Count} recipients; at most {MostRecipients} are allowed.");

            var server = ServerConnection.Of(context, Port, "starttls");
            using var time = new CancellationTokenSource(s_patience, context.Clock);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, time.Token);
            try
            {
                await using var smtp = new SmtpClient(server, await server.OpenAsync(context, either.Token));
                await smtp.BeginAsync(either.Token);
                await smtp.SendAsync(message.From.Address, recipients, (stream, end) => message.WriteAsync(stream, context.Files, end), either.Token);
                return new SendOutput(message.Id, recipients);
            }
            catch (OperationCanceledException) when (time.IsCancellationRequested && !cancel.IsCancellationRequested)
            {
                throw PieceException.Transient($"{server.Host}:{server.Port} did not take the message within {s_patience:c}.", StepErrorCodes.Timeout);
            }
            catch (IOException error)
            {
                throw PieceException.Transient($"the connection to {server.Host}:{server.Port} broke off: {error.Message.TrimEnd('.')}.", StepErrorCodes.Network);
            }
        }

        private static async Task<MailMessage> MessageAsync(SendInput input, PieceContext context, CancellationToken cancel)
        {
            if (input.Text is null && input.Html is null)
                throw PieceException.Input("'text' or 'html' is required; found neither.");
            if (input.Subject.AsSpan().ContainsAny("\r\n\0"))
                throw PieceException.Input("'subject' has a line break in it.");
            var to = Mailboxes("to", input.To);
            if (to.Count == 0)
                throw PieceException.Input("'to' is required; found no address.");
            var from = Mailbox.Parse("from", input.From);
            var files = new List<FileReference>();
            foreach (var attachment in input.Attachments ?? [])
                files.Add(await context.Files.FindAsync($"attachments[{files.Count}]", attachment, cancel));
            // The same for every try of the step: a server or reader that has the message already can tell.
            var id = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(context.IdempotencyKey)).AsSpan(0, 16));
            return new MailMessage(
                from, to, Mailboxes("cc", input.Cc), input.ReplyTo is { } reply ? Mailbox.Parse("replyTo", reply) : null, input.Subject, input.Text, input.Html,
                files, $"{id}@{from.Address[(from.Address.LastIndexOf('@') + 1)..]}", context.Clock.GetUtcNow());
        }

        private static List<Mailbox> Mailboxes(string field, Value value)
        {
            if (value.IsNull)
                return [];
            IReadOnlyList<Value> texts = value.Kind == ValueKind.List ? value.AsList : [value];
            return [.. texts.Select(text => text.IsText ? Mailbox.Parse(field, text.AsText) : throw PieceException.Input($"'{field}' must be an address or a list of them; found {ValueText.Of(text)}."))];
        }
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(SendInput))]
    [JsonSerializable(typeof(SendOutput))]
    private sealed partial class EmailJson : JsonSerializerContext;
}
