using System.Buffers;
using System.Text;
using System.Text.Json;
using Flows.Api.Runs;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Microsoft.Net.Http.Headers;

namespace Flows.Api.Webhooks;

/// <summary>Sends what a flow answers: the response of its respond step, or its output.</summary>
internal sealed class WebhookAnswer(int status, IReadOnlyDictionary<string, string>? headers, RawJson body) : IResult, IStatusCodeHttpResult
{
    public int? StatusCode => status;

    /// <summary>Headers that belong to the connection, to this server or to the whole site, and not to a flow.</summary>
    private static readonly HashSet<string> s_notForFlows = new(StringComparer.OrdinalIgnoreCase)
    {
        HeaderNames.Connection, HeaderNames.KeepAlive, HeaderNames.ProxyAuthenticate, HeaderNames.ProxyAuthorization, HeaderNames.ProxyConnection,
        HeaderNames.TE, HeaderNames.Trailer, HeaderNames.TransferEncoding, HeaderNames.Upgrade, HeaderNames.ContentLength, HeaderNames.Host,
        HeaderNames.Server, HeaderNames.Date, HeaderNames.AltSvc, HeaderNames.StrictTransportSecurity, HeaderNames.ContentSecurityPolicy,
        "Clear-Site-Data", "Service-Worker-Allowed", "Public-Key-Pins", WebhookEndpoints.RunIdHeader,
    };

    private static readonly SearchValues<char> s_nameChars =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <summary>The answer of a respond step, read from its stored JSON.</summary>
    public static WebhookAnswer Of(RawJson response)
    {
        var answer = JsonSerializer.Deserialize(response.Utf8.Span, RunsJson.Default.RunResponse)!;
        return new WebhookAnswer(answer.Status, answer.Headers, answer.Body);
    }

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = status is >= 200 and <= 599 ? status : StatusCodes.Status200OK;

        // The page of a flow lives on the same site as the app: a browser must not run it as a part of the app, with its session.
        response.Headers.ContentSecurityPolicy = "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts";
        response.Headers.XContentTypeOptions = "nosniff";
        foreach (var (name, value) in headers ?? new Dictionary<string, string>())
        {
            if (IsAllowed(name, value))
                response.Headers[name] = value;
        }
        if (response.StatusCode is StatusCodes.Status204NoContent or StatusCodes.Status205ResetContent or StatusCodes.Status304NotModified)
        {
            response.Headers.Remove(HeaderNames.ContentType);
            return;
        }

        var isText = body.Utf8.Span[0] == '"';
        response.ContentType ??= isText ? "text/plain; charset=utf-8" : "application/json";
        var bytes = isText ? Encoding.UTF8.GetBytes(TextOf(body)) : body.Utf8;
        response.ContentLength = bytes.Length;
        if (!HttpMethods.IsHead(httpContext.Request.Method))
            await response.Body.WriteAsync(bytes, httpContext.RequestAborted);
    }

    private static string TextOf(RawJson text)
    {
        var reader = new Utf8JsonReader(text.Utf8.Span);
        reader.Read();
        return reader.GetString()!;
    }

    private static bool IsAllowed(string name, string? value) =>
        name.Length > 0 && !name.AsSpan().ContainsAnyExcept(s_nameChars) && !s_notForFlows.Contains(name)
        && value is not null && !value.AsSpan().ContainsAnyExceptInRange(' ', '~');
}
