using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Flows.Contracts.Network;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces;

/// <summary>
/// One well-known service that speaks JSON over HTTP: sends a request with a time limit, reads a bounded answer, and says in one way what went
/// wrong. Messages never show the address, which may hold a token.
/// </summary>
/// <param name="title">How messages call the service.</param>
/// <param name="reasonOf">What the service says of an error, from the body of its answer; null when it says nothing.</param>
internal sealed class WebApi(string title, Func<Value, string?> reasonOf)
{
    private const int LongestReason = 500;
    private static readonly TimeSpan s_time = TimeSpan.FromSeconds(60);

    /// <param name="request">Disposed of here.</param>
    /// <returns>The body of a 2xx answer, and its headers.</returns>
    /// <exception cref="PieceException">The service was not reached, refused, or answered with something else than JSON.</exception>
    public async Task<WebAnswer> SendAsync(HttpRequestMessage request, PieceContext context, CancellationToken cancel)
    {
        using var sent = request;
        request.Headers.UserAgent.ParseAdd("Flows");
        request.Headers.Accept.ParseAdd("application/json");
        using var time = new CancellationTokenSource(s_time, context.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, time.Token);
        try
        {
            using var answer = await context.Http.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            var body = Read(await BytesAsync(answer.Content, context.MaxBytes, either.Token));
            if (!answer.IsSuccessStatusCode)
                throw Refused(answer, body ?? Value.Null, context);
            return new WebAnswer(body ?? throw PieceException.Transient($"{title} answered with something that is not JSON.", "http_body"), answer.Headers);
        }
        catch (OperationCanceledException) when (time.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw PieceException.Transient($"{title} did not answer within {s_time.TotalSeconds:0} s.", StepErrorCodes.Timeout);
        }
        catch (Exception error) when (NetworkRefusedException.In(error) is { } refused)
        {
            // A builder has to know that it was the policy and not the service.
            throw PieceException.Final($"{title} cannot be reached: {refused.Message}", NetworkRefusedException.Code);
        }
        catch (Exception error) when (error is HttpRequestException or IOException)
        {
            throw PieceException.Transient($"{title} cannot be reached.", StepErrorCodes.Network);
        }
    }

    /// <summary>An error that stands in an answer of the status 200.</summary>
    public PieceException Refused(string reason, bool transient, TimeSpan? retryAfter = null)
    {
        var message = $"{title} refused: {Shortened(reason)}.";
        return transient
            ? PieceException.Transient(message, "http_4xx", Detail(429, Value.Of(reason), retryAfter))
            : PieceException.Final(message, "refused", Detail(200, Value.Of(reason), null));
    }

    /// <summary>A JSON body.</summary>
    public static ByteArrayContent Json(params IEnumerable<KeyValuePair<string, Value>> properties)
    {
        var content = new ByteArrayContent(ValueObject.Of(properties.Where(property => !property.Value.IsNull)).ToRawJson().Utf8.ToArray());
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }

    private PieceException Refused(HttpResponseMessage answer, Value body, PieceContext context)
    {
        var status = (int)answer.StatusCode;
        var reason = reasonOf(body) is { Length: > 0 } said ? $": {Shortened(said)}" : "";
        var retryAfter = AskedWait.Of(answer.Headers, context.Clock);
        var detail = Detail(status, body, retryAfter);
        // Some services say 403 where they mean 429; those say when to come back.
        if (status is 408 or 429 or >= 500 || (status == 403 && retryAfter is not null))
            return PieceException.Transient($"{title} answered with status {status}{reason}{AskedWait.Words(retryAfter)}.", status < 500 ? "http_4xx" : "http_5xx", detail);
        return status == 401
            ? PieceException.Final($"{title} does not accept the connection's credentials (status 401){reason}.", "unauthorized", detail)
            : PieceException.Final($"{title} answered with status {status}{reason}.", "http_4xx", detail);
    }

    private static Contracts.Json.RawJson Detail(int status, Value body, TimeSpan? retryAfter) => ValueObject.Of(
    [
        new("status", Value.Of(status)),
        new("body", body.Weight <= 16 * 1024 ? body : Value.Null),
        .. AskedWait.Properties(retryAfter),
    ]).ToRawJson();

    private static string Shortened(string text)
    {
        text = text.ReplaceLineEndings(" ").TrimEnd('.', ' ');
        return text.Length <= LongestReason ? text : text[..LongestReason] + "…";
    }

    private static Value? Read(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            return bytes.IsEmpty ? Value.Null : Value.FromJson(bytes.Span);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private async Task<ReadOnlyMemory<byte>> BytesAsync(HttpContent content, long maxBytes, CancellationToken cancel)
    {
        await using var stream = await content.ReadAsStreamAsync(cancel);
        var bytes = new ArrayBufferWriter<byte>(4096);
        while (await stream.ReadAsync(bytes.GetMemory(4096), cancel) is var got and > 0)
        {
            bytes.Advance(got);
            if (bytes.WrittenCount > maxBytes)
                throw PieceException.Final($"the answer of {title} has more than {maxBytes} bytes, which is the largest output a step may have (limit: Flows__Limits__PayloadMiB).", "limit");
        }
        return bytes.WrittenMemory;
    }
}

/// <summary>What a service has answered.</summary>
internal sealed record WebAnswer(Value Body, HttpResponseHeaders Headers)
{
    /// <summary>What lies at the end of the path of properties; null where there is none.</summary>
    public Value this[params ReadOnlySpan<string> path] => At(Body, path);

    public static Value At(Value value, params ReadOnlySpan<string> path)
    {
        foreach (var name in path)
        {
            if (value.Kind != ValueKind.Object || !value.AsObject.TryGet(name, out value))
                return Value.Null;
        }
        return value;
    }

    public static string? TextAt(Value value, params ReadOnlySpan<string> path) => At(value, path) is { IsText: true } text ? text.AsText : null;
}

/// <summary>The fields of the step's connection.</summary>
internal static class ConnectionOf
{
    /// <param name="otherwise">What a connection without the field has; null for a field that it must have.</param>
    /// <exception cref="PieceException">The step names no connection, or one without the field.</exception>
    public static string Field(PieceContext context, string name, string? otherwise = null) =>
        context.Connection is not { } connection ? throw PieceException.Input("the step needs a 'connection'.")
        : WebAnswer.TextAt(Value.FromJson(connection), name) is { Length: > 0 } text ? text
        : otherwise ?? throw PieceException.Input($"the connection has no field '{name}'.");

    /// <summary>A field that goes into a header.</summary>
    public static AuthenticationHeaderValue Bearer(PieceContext context, string name)
    {
        var token = Field(context, name).Trim();
        return Ascii.IsValid(token) && !token.AsSpan().ContainsAny("\r\n\0")
            ? new AuthenticationHeaderValue("Bearer", token)
            : throw PieceException.Input($"the field '{name}' of the connection has characters that no token has.");
    }
}
