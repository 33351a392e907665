using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Flows.Contracts.Json;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces.Rss;

/// <summary>Gets a feed, unless it is the one that was got last time.</summary>
internal static class FeedRequest
{
    private const int MostBytes = 10 << 20;
    private const int MostRedirects = 5;

    /// <param name="cursor">Of the last answer: its address, <c>ETag</c> and <c>Last-Modified</c>.</param>
    /// <returns>The bytes, null when the feed is the same, and the next cursor.</returns>
    /// <exception cref="PieceException">It cannot be got.</exception>
    public static async Task<(byte[]? Bytes, RawJson Cursor)> GetAsync(string url, RawJson? cursor, PieceContext context, CancellationToken cancel)
    {
        var seen = cursor is { } json ? Value.FromJson(json) : Value.Null;
        var address = AddressOf(url, null);
        try
        {
            for (var redirects = 0; ; redirects++)
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, address);
                request.Headers.UserAgent.ParseAdd("Flows");
                request.Headers.Accept.ParseAdd("application/rss+xml, application/atom+xml, application/xml;q=0.9, text/xml;q=0.8, */*;q=0.5");
                if (WebAnswer.TextAt(seen, "url") == url)
                {
                    if (EntityTagHeaderValue.TryParse(WebAnswer.TextAt(seen, "etag"), out var tag))
                        request.Headers.IfNoneMatch.Add(tag);
                    if (DateTimeOffset.TryParse(WebAnswer.TextAt(seen, "modified"), System.Globalization.CultureInfo.InvariantCulture, out var modified))
                        request.Headers.IfModifiedSince = modified;
                }
                using var answer = await context.Http.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
                if (answer.StatusCode == HttpStatusCode.NotModified && cursor is { } same)
                    return (null, same);
                if ((int)answer.StatusCode is 301 or 302 or 303 or 307 or 308 && answer.Headers.Location is { } next)
                {
                    if (redirects == MostRedirects)
                        throw PieceException.Final($"the feed redirects more than {MostRedirects} times.");
                    address = AddressOf(next.OriginalString, address);
                    continue;
                }
                if (!answer.IsSuccessStatusCode)
                    throw Refused(answer.StatusCode);
                return (await BytesAsync(answer.Content, cancel), CursorOf(url, answer));
            }
        }
        catch (HttpRequestException error) when (Contracts.Network.NetworkRefusedException.In(error) is null)
        {
            throw PieceException.Transient("the feed cannot be reached.", StepErrorCodes.Network);
        }
        catch (IOException error) when (Contracts.Network.NetworkRefusedException.In(error) is null)
        {
            throw PieceException.Transient("the feed's answer broke off.", StepErrorCodes.Network);
        }
    }

    private static Uri AddressOf(string text, Uri? from) =>
        (from is null ? Uri.TryCreate(text, UriKind.Absolute, out var address) : Uri.TryCreate(from, text, out address))
        && (address.Scheme == Uri.UriSchemeHttp || address.Scheme == Uri.UriSchemeHttps)
            ? address
            : throw PieceException.Input("'url' must be an http or https address.");

    private static PieceException Refused(HttpStatusCode status)
    {
        var message = $"the feed was answered with status {(int)status}.";
        return (int)status is 408 or 429 or >= 500 ? PieceException.Transient(message, (int)status < 500 ? "http_4xx" : "http_5xx") : PieceException.Final(message, "http_4xx");
    }

    private static RawJson CursorOf(string url, HttpResponseMessage answer) => ValueObject.Of(
    [
        new("url", Value.Of(url)),
        new("etag", Value.Of(answer.Headers.ETag?.ToString())),
        new("modified", Value.Of(answer.Content.Headers.LastModified?.ToString("R"))),
    ]).ToRawJson();

    private static async Task<byte[]> BytesAsync(HttpContent content, CancellationToken cancel)
    {
        await using var stream = await content.ReadAsStreamAsync(cancel);
        var bytes = new ArrayBufferWriter<byte>(16 * 1024);
        while (await stream.ReadAsync(bytes.GetMemory(16 * 1024), cancel) is var got and > 0)
        {
            bytes.Advance(got);
            if (bytes.WrittenCount > MostBytes)
                throw PieceException.Final($"the feed has more than {MostBytes >> 20} MiB.", StepErrorCodes.Limit);
        }
        return bytes.WrittenSpan.ToArray();
    }
}
