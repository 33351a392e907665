using Microsoft.Extensions.Options;

namespace Flows.Api;

/// <summary>Where callers outside reach this installation. Bound from <c>Flows</c>.</summary>
public sealed class PublicUrlOptions
{
    public const string Section = "Flows";

    /// <summary>Base of webhook and resume links, e.g. <c>https://flows.example.com</c>. Empty: the address of the request at hand.</summary>
    public string? PublicUrl { get; set; }
}

/// <summary>Makes absolute links.</summary>
internal sealed class PublicUrl(IOptions<PublicUrlOptions> options)
{
    private readonly string? _base = string.IsNullOrEmpty(options.Value.PublicUrl) ? null : options.Value.PublicUrl.TrimEnd('/');

    /// <param name="path">Starts with a slash.</param>
    public string Of(HttpRequest request, string path) =>
        (_base ?? $"{request.Scheme}://{request.Host}{request.PathBase}") + path;

    /// <summary>The path that all addresses begin with, as callers outside see it: <c>/automation</c>; empty for none.</summary>
    public string PathBase { get; } = string.IsNullOrEmpty(options.Value.PublicUrl) ? "" : new Uri(options.Value.PublicUrl).AbsolutePath.TrimEnd('/');

    /// <summary>Null when the setting is fine, else what is wrong with it.</summary>
    public static string? Problem(string? value) =>
        string.IsNullOrEmpty(value)
        || (Uri.TryCreate(value, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.Query.Length == 0 && url.Fragment.Length == 0)
            ? null
            : "Flows__PublicUrl must be an http or https address without query, such as https://flows.example.com.";
}
