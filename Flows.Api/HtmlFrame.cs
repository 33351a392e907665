using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;

namespace Flows.Api;

/// <summary>
/// What the pages have in common that are HTML made here: nothing is loaded from anywhere, nothing may run but the script given, and they are neither
/// kept nor framed nor found by search engines.
/// </summary>
/// <param name="script">Runs at the end of the page; null for a page without script.</param>
internal sealed class HtmlFrame(string style, string? script = null)
{
    private readonly string _policy =
        $"default-src 'none'; style-src '{HashOf(style)}';{(script is null ? "" : $" script-src '{HashOf(script)}';")} form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    /// <param name="body">HTML; whatever came from outside is encoded in it.</param>
    public Task WriteAsync(HttpContext http, string title, string body, int status)
    {
        var response = http.Response;
        response.StatusCode = status;
        response.ContentType = "text/html; charset=utf-8";
        response.Headers.ContentSecurityPolicy = _policy;
        response.Headers.CacheControl = "no-store";
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers.XFrameOptions = "DENY";
        response.Headers["X-Robots-Tag"] = "noindex";
        return response.WriteAsync($"""
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{HtmlEncoder.Default.Encode(title)}</title><style>{style}</style></head>
            <body><main><article>{body}</article></main>{(script is null ? "" : $"<script>{script}</script>")}</body></html>
            """, http.RequestAborted);
    }

    private static string HashOf(string text) => $"sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}";
}
