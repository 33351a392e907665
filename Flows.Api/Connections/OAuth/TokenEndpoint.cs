using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Flows.Api.Outbound;
using Flows.Contracts.Network;
using Microsoft.AspNetCore.WebUtilities;

namespace Flows.Api.Connections.OAuth;

/// <summary>What came of asking for tokens. Exactly one of the three is set.</summary>
/// <param name="Tokens">Here they are.</param>
/// <param name="Refusal">The service will say the same again; in words for a person, without secrets.</param>
/// <param name="Trouble">The service was not reached, or is busy.</param>
internal sealed record TokenAnswer(OAuthTokens? Tokens = null, string? Refusal = null, string? Trouble = null);

/// <summary>Asks services for tokens (RFC 6749, 4.1.3, 4.4 and 6) and gives them back (RFC 7009), within the network policy of flows.</summary>
internal sealed class TokenEndpoint(OutboundHttp http, TimeProvider clock)
{
    private const int LongestReason = 300;
    private const int LongestToken = 32 * 1024;
    /// <summary>One call; a caller holds a row of the database meanwhile.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);
    private static readonly string[] s_passing = ["temporarily_unavailable", "server_error", "slow_down"];

    /// <param name="redirectUri">The one that the sign-in page was given.</param>
    /// <param name="verifier">Null without PKCE.</param>
    public Task<TokenAnswer> ExchangeAsync(OAuthSettings settings, string code, string redirectUri, string? verifier, CancellationToken cancel)
    {
        var form = new Dictionary<string, string> { ["grant_type"] = OAuthFields.CodeGrant, ["code"] = code, ["redirect_uri"] = redirectUri };
        if (verifier is not null)
            form["code_verifier"] = verifier;
        return AskAsync(settings, form, refreshToken: null, [code, .. verifier is null ? Array.Empty<string>() : [verifier]], cancel);
    }

    /// <summary>A token that stands on its own, or the next one of a sign-in.</summary>
    /// <param name="refreshToken">Null with client credentials.</param>
    public Task<TokenAnswer> RenewAsync(OAuthSettings settings, string? refreshToken, CancellationToken cancel)
    {
        var form = new Dictionary<string, string>();
        if (settings.NeedsPerson)
        {
            form["grant_type"] = "refresh_token";
            form["refresh_token"] = refreshToken ?? throw new ArgumentNullException(nameof(refreshToken));
        }
        else
        {
            form["grant_type"] = OAuthFields.ClientGrant;
            if (settings.Scope.Length > 0)
                form["scope"] = settings.Scope;
        }
        return AskAsync(settings, form, refreshToken, refreshToken is null ? [] : [refreshToken], cancel);
    }

    /// <returns>Null when the service has taken it back, or there is nothing to give back; else why not.</returns>
    public async Task<string?> RevokeAsync(OAuthSettings settings, OAuthTokens tokens, CancellationToken cancel)
    {
        if (settings.Service.RevokeUrl is not { } url)
            return null;
        var form = new Dictionary<string, string>
        {
            ["token"] = tokens.RefreshToken ?? tokens.AccessToken,
            ["token_type_hint"] = tokens.RefreshToken is null ? "access_token" : "refresh_token",
        };
        try
        {
            using var request = Request(url, settings, form);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(s_patience / 2);
            using var answer = await http.Client.SendAsync(request, limit.Token);
            return answer.IsSuccessStatusCode ? null : $"the service answered with status {(int)answer.StatusCode}";
        }
        catch (Exception error) when (error is HttpRequestException or IOException || (error is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            return Reason(error, new Uri(url));
        }
    }

    private async Task<TokenAnswer> AskAsync(
        OAuthSettings settings, Dictionary<string, string> form, string? refreshToken, IEnumerable<string> secrets, CancellationToken cancel)
    {
        var url = new Uri(settings.Service.TokenUrl);
        var masked = new Masked([.. settings.Secrets, .. secrets]);
        try
        {
            using var request = Request(settings.Service.TokenUrl, settings, form);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(s_patience);
            using var answer = await http.Client.SendAsync(request, limit.Token);
            return Read((int)answer.StatusCode, await answer.Content.ReadAsByteArrayAsync(limit.Token), answer.Content.Headers.ContentType?.MediaType, url, refreshToken, masked);
        }
        catch (Exception error) when (NetworkRefusedException.In(error) is { } refused)
        {
            return new TokenAnswer(Refusal: masked.Of(refused.Message));
        }
        catch (Exception error) when (error is HttpRequestException or IOException || (error is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            return new TokenAnswer(Trouble: masked.Of($"{Reason(error, url)}."));
        }
    }

    private static HttpRequestMessage Request(string url, OAuthSettings settings, Dictionary<string, string> form)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, url);
        request.Headers.Accept.ParseAdd("application/json"); // GitHub answers with a form otherwise
        request.Headers.UserAgent.ParseAdd("Flows");
        if (settings.Service.ClientAuth == "basic")
        {
            // RFC 6749, 2.3.1: both are encoded as in a form first.
            var pair = $"{Uri.EscapeDataString(settings.ClientId)}:{Uri.EscapeDataString(settings.ClientSecret ?? "")}";
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.ASCII.GetBytes(pair)));
        }
        else
        {
            form["client_id"] = settings.ClientId;
            if (settings.ClientSecret is { } secret)
                form["client_secret"] = secret;
        }
        request.Content = new FormUrlEncodedContent(form);
        return request;
    }

    // Some services answer refusals with 200.
    private TokenAnswer Read(int status, byte[] body, string? type, Uri url, string? refreshToken, Masked masked)
    {
        if (Fields(body, type) is not { } fields)
        {
            var message = $"{url.Host} answered with status {status} and something that is not JSON.";
            return status is >= 400 and < 500 and not (408 or 429) ? new TokenAnswer(Refusal: message) : new TokenAnswer(Trouble: message);
        }
        if (status is >= 200 and < 300 && fields.GetValueOrDefault("access_token") is { Length: > 0 and <= LongestToken } token)
        {
            if (fields.GetValueOrDefault("token_type") is { Length: > 0 } kind && !kind.Equals("bearer", StringComparison.OrdinalIgnoreCase) && !kind.Equals("bot", StringComparison.OrdinalIgnoreCase))
                return new TokenAnswer(Refusal: $"{url.Host} gives tokens of the type '{Shortened(kind)}', and Flows can use bearer tokens only.");
            var now = clock.GetUtcNow();
            var lifetime = double.TryParse(fields.GetValueOrDefault("expires_in"), NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) && seconds is > 0 and < 1e9
                ? TimeSpan.FromSeconds(seconds) : (TimeSpan?)null;
            // One that is not sent anew stays good.
            var next = fields.GetValueOrDefault("refresh_token") is { Length: > 0 and <= LongestToken } sent ? sent : refreshToken;
            return new TokenAnswer(new OAuthTokens(token, next, now, now + lifetime));
        }

        var code = fields.GetValueOrDefault("error") ?? "";
        var said = string.Join(": ", new[] { code, fields.GetValueOrDefault("error_description") ?? "" }.Where(text => text.Length > 0).Select(Shortened));
        var reason = masked.Of($"{url.Host} answered with status {status}{(said.Length > 0 ? $": {said}" : " and without a token")}.");
        return status is 408 or 429 or >= 500 || s_passing.Contains(code) ? new TokenAnswer(Trouble: reason) : new TokenAnswer(Refusal: reason);
    }

    private static Dictionary<string, string>? Fields(byte[] body, string? type)
    {
        if (type == "application/x-www-form-urlencoded")
            return QueryHelpers.ParseQuery(Encoding.UTF8.GetString(body)).ToDictionary(pair => pair.Key, pair => pair.Value.ToString());
        try
        {
            using var document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = 16 });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                return null;
            var fields = new Dictionary<string, string>();
            foreach (var property in document.RootElement.EnumerateObject().Where(property => property.Value.ValueKind is JsonValueKind.String or JsonValueKind.Number))
                fields[property.Name] = property.Value.ToString();
            return fields;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string Reason(Exception error, Uri url) =>
        error is OperationCanceledException ? $"{url.Host} did not answer in time"
        : NetworkRefusedException.In(error) is { } refused ? refused.Message.TrimEnd('.')
        : $"{url.Host} cannot be reached";

    private static string Shortened(string text)
    {
        text = text.ReplaceLineEndings(" ").TrimEnd('.', ' ');
        return text.Length <= LongestReason ? text : text[..LongestReason] + "…";
    }

    /// <summary>Takes secrets out of what a service says.</summary>
    private sealed class Masked(IReadOnlyList<string> secrets)
    {
        public string Of(string text) =>
            secrets.Where(secret => secret.Length >= 6).Aggregate(text, (shown, secret) => shown.Replace(secret, "••••••", StringComparison.Ordinal));
    }
}
