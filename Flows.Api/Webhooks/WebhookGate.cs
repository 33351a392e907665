using Flows.Api.Runs;

namespace Flows.Api.Webhooks;

/// <summary>A call that may start a run.</summary>
/// <param name="Body">As it came.</param>
/// <param name="HiddenHeader">A header that holds the secret and so must not become a part of the run; null for none.</param>
internal sealed record AdmittedCall(ReadOnlyMemory<byte> Body, string? HiddenHeader);

/// <summary>
/// Stands between a caller and a flow. In this order: address, rate, handshakes that are not signed, proof, handshakes that are; so that the
/// cheap refusals come first, and nobody learns anything of a flow before it has proved itself.
/// </summary>
internal sealed partial class WebhookGate(WebhookSecrets secrets, CallRates rates, PublicUrl publicUrl, TimeProvider clock, ILogger<WebhookGate> log)
{
    /// <returns>The call, or the answer that it gets instead.</returns>
    /// <param name="rules">Null: they cannot be read.</param>
    public async ValueTask<(AdmittedCall? Call, IResult? Answer)> AdmitAsync(
        Guid projectId, Guid flowId, WebhookRules? rules, HttpContext http, CancellationToken cancel)
    {
        if (rules is null)
            return Refuse(StatusCodes.Status409Conflict, "bad_trigger", "The settings of the flow's trigger have errors. Correct them and publish the flow again.");
        if (!CallerProof.IsAllowed(rules.Allow, http.Connection.RemoteIpAddress))
            return Refuse(StatusCodes.Status403Forbidden, "address_not_allowed", "This webhook is not open to your address.");
        if (await rates.TakeAsync(projectId, flowId, rules.PerMinute) is { } full)
        {
            var seconds = Math.Max(1, (int)Math.Ceiling(full.RetryAfter.TotalSeconds));
            http.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
            return Refuse(StatusCodes.Status429TooManyRequests, "too_many_calls", $"{full.Whose}. Try again in {seconds} s.");
        }
        if (rules.IsOpen)
            return (new AdmittedCall(await RequestBody.ReadAsync(http.Request, cancel), null), null);

        var secret = await secrets.FindAsync(projectId, rules, cancel);
        if (Handshakes.BeforeProof(rules, secret, http) is { } greeting)
            return (null, greeting);
        if (secret is null)
        {
            LogNoSecret(log, flowId, rules.Connection);
            return Refuse(StatusCodes.Status503ServiceUnavailable, "secret_unavailable", "The secret of this webhook cannot be read at the moment.");
        }
        var body = await RequestBody.ReadAsync(http.Request, cancel);
        var url = publicUrl.Of(http.Request, http.Request.Path + http.Request.QueryString);
        if (CallerProof.Problem(rules, secret, http.Request, body, url, clock.GetUtcNow()) is { } problem)
        {
            if (rules.Proof == WebhookProof.Basic)
                http.Response.Headers.WWWAuthenticate = "Basic realm=\"webhook\", charset=\"UTF-8\"";
            return Refuse(StatusCodes.Status401Unauthorized, "not_proved", problem);
        }
        return Handshakes.AfterProof(rules, http, body) is { } answer
            ? (null, answer)
            : (new AdmittedCall(body, rules.Proof == WebhookProof.Header ? rules.Header : null), null);
    }

    private static (AdmittedCall?, IResult?) Refuse(int status, string code, string detail) => (null, RunProblems.Of(status, code, detail));

    [LoggerMessage(Level = LogLevel.Error, Message = "The webhook of the flow {Flow} takes no calls: its connection {Connection} is missing or cannot be opened")]
    private static partial void LogNoSecret(ILogger log, Guid flow, string? connection);
}
