using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.Twilio;

/// <summary>https://www.twilio.com/docs/messaging/api/message-resource</summary>
internal sealed partial class TwilioPiece(string address = "https://api.twilio.com") : Piece("twilio", "Twilio", "Sends text messages to phones.")
{
    private static readonly WebApi s_twilio = new("Twilio", body => WebAnswer.TextAt(body, "message"));

    public override AuthDescription Auth { get; } = new("basic", "Account", "Account SID and auth token of the Twilio console.",
        [Prop.Text("username", "Account SID", required: true), Prop.Secret("password", "Auth token", required: true)]);

    public override IReadOnlyList<PieceAction> Actions => [new SendSms(address)];

    internal sealed record SmsInput(string From, string To, string Text);
    internal sealed record SmsOutput(string Sid, string Status);

    private sealed class SendSms(string address) : PieceAction<SmsInput, SmsOutput>(
        "send_sms", "Send a text message", "Sends a text message to a phone number.", StepEffect.Effect, TwilioJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Text("from", "From", required: true, help: "A number of yours, such as +15005550006."),
            Prop.Text("to", "To", required: true, help: "With the country code: +41791234567."),
            Prop.Multiline("text", "Text", required: true, help: "At most 1600 characters."),
        ];

        protected override async Task<SmsOutput> RunAsync(SmsInput input, PieceContext context, CancellationToken cancel)
        {
            if (input.Text.Length is 0 or > 1600)
                throw PieceException.Input($"'text' must have 1 to 1600 characters; it has {input.Text.Length}.");
            var (account, token) = (ConnectionOf.Field(context, "username"), ConnectionOf.Field(context, "password"));
            var request = new HttpRequestMessage(HttpMethod.Post, $"{address}/2010-04-01/Accounts/{Uri.EscapeDataString(account)}/Messages.json")
            {
                Content = new FormUrlEncodedContent([new("From", input.From), new("To", input.To), new("Body", input.Text)]),
            };
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{account}:{token}")));
            var answer = await s_twilio.SendAsync(request, context, cancel);
            return new SmsOutput(answer["sid"].ToString(), answer["status"].ToString());
        }
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(SmsInput))]
    [JsonSerializable(typeof(SmsOutput))]
    private sealed partial class TwilioJson : JsonSerializerContext;
}
