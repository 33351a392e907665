using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Flows.Tests.Api;

namespace Flows.Tests.BadInput;

/// <summary>One call with one thing wrong in it, and what is expected of its answer.</summary>
/// <param name="What">What is wrong, for the report.</param>
/// <param name="Path">With its query.</param>
internal sealed record BadCall(RouteInput Input, string What, string Path)
{
    public byte[]? Body { get; init; }
    public string ContentType { get; init; } = "application/json";
    public IReadOnlyList<(string Name, string Value)> Headers { get; init; } = [];

    /// <summary>The one status that is right; null: any refusal, or a success where <see cref="MaySucceed"/>.</summary>
    public int? Status { get; init; }

    public bool MaySucceed { get; init; }

    /// <summary>The server itself may refuse it, before there is a request to answer: then without a body.</summary>
    public bool IsServers { get; init; }

    /// <summary>An error with this path, or one below it, has to be among those told; null: none in particular.</summary>
    public string? Field { get; init; }

    public static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    public HttpRequestMessage Request(string? key)
    {
        var request = new HttpRequestMessage(new HttpMethod(Input.Route.Method), new Uri(Path, UriKind.Relative));
        if (key is not null)
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {key}");
        foreach (var (name, value) in Headers)
            request.Headers.TryAddWithoutValidation(name, value);
        if (Body is not null)
        {
            request.Content = new ByteArrayContent(Body);
            request.Content.Headers.TryAddWithoutValidation("Content-Type", ContentType);
        }
        return request;
    }

    /// <summary>What is wrong with the answer; null when nothing is.</summary>
    public string? Wrong(HttpStatusCode code, MediaTypeHeaderValue? type, RetryConditionHeaderValue? retryAfter, string text)
    {
        var status = (int)code;
        if (status is 400 or 414 && IsServers && text.Length == 0)
            return null;
        // Too much at once is told as such, with a time to come back.
        if (status == 503 && retryAfter is not null)
            return null;
        if (status >= 500)
            return $"{status} {text}";
        if (Status is { } expected && status != expected)
            return $"{status} instead of {expected}: {text}";
        if (status < 400)
            return MaySucceed || status == 304 ? null : $"{status}: {text}";
        // The pages that people see are pages in this as well.
        if (type?.MediaType == "text/html" && !Input.Route.Pattern.StartsWith("/api", StringComparison.Ordinal))
            return null;
        if (Input.Route.Method == "HEAD")
            return text.Length == 0 ? null : $"{status} with a body: {text}";
        return type?.MediaType != "application/problem+json" ? $"{status} as {type?.MediaType ?? "nothing"}: {text}" : WrongProblem(status, text);
    }

    private string? WrongProblem(int status, string text)
    {
        var problem = JsonElement.Parse(text);
        if (!problem.TryGetProperty("status", out var told) || told.GetInt32() != status)
            return $"{status}, and the body says another: {text}";
        foreach (var member in (string[])["title", "detail", "traceId"])
        {
            if (!problem.TryGetProperty(member, out var value) || value.GetString() is not { Length: > 0 })
                return $"{status} without {member}: {text}";
        }
        // Names of .NET types are of no use to a caller, and say more of the inside than he should know.
        if (text.Contains("System.", StringComparison.Ordinal) || text.Contains("Flows.Api", StringComparison.Ordinal))
            return $"{status} with names of the inside: {text}";
        if (status != 400)
            return null;
        var errors = problem.TryGetProperty("errors", out var list) ? list.EnumerateArray().Select(error => error.GetProperty("path").GetString()!).ToArray() : [];
        return Field is null || errors.Any(path => path == Field || path.StartsWith($"{Field}.", StringComparison.Ordinal) || path.StartsWith($"{Field}[", StringComparison.Ordinal))
            ? null
            : $"400 that does not name {Field}: {text}";
    }
}
