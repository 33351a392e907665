using System.Text;
using System.Text.Json;

namespace Flows.Api.Webhooks;

/// <summary>
/// Answers services that ask, before they send anything, whether the address wants to hear from them. The answer is plain text that no
/// browser runs, and no run is started for it.
/// </summary>
internal static class Handshakes
{
    private const int MaxChallenge = 4096;

    /// <summary>A question that comes without a signature: Meta's has a token instead, Microsoft's and the free form have nothing.</summary>
    /// <returns>Null when the call is no handshake.</returns>
    public static IResult? BeforeProof(WebhookRules rules, WebhookSecret? secret, HttpContext http) => rules.Handshake switch
    {
        WebhookHandshake.Meta when HttpMethods.IsGet(http.Request.Method) && http.Request.Query["hub.mode"] == "subscribe" =>
            secret?.VerifyToken is { Length: > 0 } token && CallerProof.Same(http.Request.Query["hub.verify_token"].ToString(), token)
                ? Echo(http, http.Request.Query["hub.challenge"].ToString())
                : Runs.RunProblems.Of(StatusCodes.Status403Forbidden, "wrong_verify_token", "hub.verify_token is not the one of this webhook."),
        WebhookHandshake.Microsoft when http.Request.Query["validationToken"].ToString() is { Length: > 0 } token => Echo(http, token),
        WebhookHandshake.Query when http.Request.Query[rules.HandshakeName].ToString() is { Length: > 0 } challenge => Echo(http, challenge),
        _ => null,
    };

    /// <summary>A question in a body, which is signed where everything is.</summary>
    /// <returns>Null when the call is no handshake.</returns>
    public static IResult? AfterProof(WebhookRules rules, HttpContext http, ReadOnlyMemory<byte> body) => rules.Handshake switch
    {
        WebhookHandshake.Slack when Field(body, "type") == "url_verification" && Field(body, "challenge") is { } challenge => Echo(http, challenge),
        WebhookHandshake.Field when Field(body, rules.HandshakeName) is { } challenge => Echo(http, challenge),
        _ => null,
    };

    private static IResult Echo(HttpContext http, string challenge)
    {
        if (challenge.Length > MaxChallenge)
            return Problems.BadRequest("challenge", $"The challenge has more than {MaxChallenge} characters.");
        http.Response.Headers.XContentTypeOptions = "nosniff";
        http.Response.Headers.ContentSecurityPolicy = "sandbox; default-src 'none'";
        return TypedResults.Text(challenge, "text/plain", Encoding.UTF8);
    }

    private static string? Field(ReadOnlyMemory<byte> body, string name)
    {
        try
        {
            var reader = new Utf8JsonReader(body.Span);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                return null;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var found = reader.ValueTextEquals(name);
                reader.Read();
                if (found)
                    return reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
                reader.Skip();
            }
            return null;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return null; // the reader of the body says what is wrong with it
        }
    }
}
