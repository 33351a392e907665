using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Flows.Tests.Engine;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Logging;

namespace Flows.Tests.Connections;

/// <summary>A service that gives out tokens as RFC 6749 says, and gives each refresh token once.</summary>
public sealed class TokenService : IAsyncDisposable
{
    public const string ClientId = "client-of-the-tests";
    public const string ClientSecret = "s3cret & of the client";
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, (string Challenge, string RedirectUri)> _codes = new();
    private readonly ConcurrentDictionary<string, bool> _refreshTokens = new();
    private int _made;

    private TokenService(WebApplication app) => _app = app;

    public string Url => EchoServer.UrlOf(_app);
    /// <summary>The forms that came to the token endpoint.</summary>
    public ConcurrentQueue<Dictionary<string, string>> Asked { get; } = new();
    public ConcurrentQueue<Dictionary<string, string>> Revoked { get; } = new();
    /// <summary>Set: every request for a token gets this.</summary>
    public Func<IResult>? Answer { get; set; }
    /// <summary>Set: a request for a token is answered when this ends.</summary>
    public Task? Gate { get; set; }
    /// <summary>Ends when a request for a token has come in.</summary>
    public TaskCompletionSource CameIn { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    /// <summary>Seconds.</summary>
    public int Lifetime { get; set; } = 3600;

    public static async Task<TokenService> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var service = new TokenService(app);
        app.MapPost("/token", (Delegate)service.TokenAsync);
        app.MapPost("/revoke", async (HttpContext http) =>
        {
            service.Revoked.Enqueue(await FormOf(http));
            return Results.Ok();
        });
        app.MapGet("/api", (HttpContext http) =>
            http.Request.Headers.Authorization == $"Bearer {service.Present}" ? Results.Json(new { ok = true }) : Results.StatusCode(401));
        await app.StartAsync();
        return service;
    }

    /// <summary>The one access token that the service takes.</summary>
    public string Present => $"access-token-{_made}";

    /// <summary>The fields of a connection by hand.</summary>
    public Dictionary<string, string> Fields(string grant = "authorization_code") => new()
    {
        ["clientId"] = ClientId,
        ["clientSecret"] = ClientSecret,
        ["grant"] = grant,
        ["authorizeUrl"] = $"{Url}/authorize?tenant=1",
        ["tokenUrl"] = $"{Url}/token",
        ["revokeUrl"] = $"{Url}/revoke",
        ["scope"] = "rows.read rows.write",
        ["parameters"] = "access_type=offline",
    };

    /// <summary>What a person's browser does at the sign-in page: the address it is sent back to.</summary>
    public Uri SignIn(string authorizeUrl)
    {
        var url = new Uri(authorizeUrl);
        var query = QueryHelpers.ParseQuery(url.Query);
        Assert.Equal(["code", ClientId, "S256", "offline", "1", "rows.read rows.write"],
            new[] { "response_type", "client_id", "code_challenge_method", "access_type", "tenant", "scope" }.Select(name => query[name].ToString()));
        var code = $"code-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}";
        _codes[code] = (query["code_challenge"].ToString(), query["redirect_uri"].ToString());
        return new Uri(QueryHelpers.AddQueryString(query["redirect_uri"].ToString(), new Dictionary<string, string?> { ["state"] = query["state"], ["code"] = code }));
    }

    private async Task<IResult> TokenAsync(HttpContext http)
    {
        var form = await FormOf(http);
        Asked.Enqueue(form);
        CameIn.TrySetResult();
        if (Gate is { } gate)
            await gate.WaitAsync(http.RequestAborted);
        if (Answer is { } answer)
            return answer();
        if (form.GetValueOrDefault("client_id") != ClientId || form.GetValueOrDefault("client_secret") != ClientSecret)
            return Refused("invalid_client", $"the secret '{form.GetValueOrDefault("client_secret")}' is wrong");
        switch (form["grant_type"])
        {
            case "authorization_code":
                if (!_codes.TryRemove(form["code"], out var begun) || begun.RedirectUri != form["redirect_uri"]
                    || begun.Challenge != Base64UrlTextEncoder.Encode(SHA256.HashData(Encoding.ASCII.GetBytes(form["code_verifier"]))))
                    return Refused("invalid_grant", "no such code");
                break;
            case "refresh_token":
                if (!_refreshTokens.TryRemove(form["refresh_token"], out _))
                    return Refused("invalid_grant", $"the refresh token {form["refresh_token"]} was used already");
                break;
            case "client_credentials":
                Interlocked.Increment(ref _made);
                return Results.Json(new { access_token = Present, token_type = "Bearer", expires_in = Lifetime });
        }
        Interlocked.Increment(ref _made);
        var refresh = $"refresh-token-{_made}";
        _refreshTokens[refresh] = true;
        return Results.Json(new { access_token = Present, token_type = "bearer", expires_in = Lifetime, refresh_token = refresh });
    }

    public static IResult Refused(string error, string description) => Results.Json(new { error, error_description = description }, statusCode: 400);

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static async Task<Dictionary<string, string>> FormOf(HttpContext http) =>
        (await http.Request.ReadFormAsync()).ToDictionary(field => field.Key, field => field.Value.ToString());
}
