using System.Text;
using System.Text.Encodings.Web;
using Flows.Api.Access;
using Flows.Api.Users;
using Microsoft.AspNetCore.StaticFiles;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Net.Http.Headers;

namespace Flows.Api.Web;

/// <param name="Folder">Where the build of Flows.Web lies; it may be missing.</param>
internal sealed record WebAppFiles(string Folder);

/// <summary>
/// The web app: the files that the build of Flows.Web has put into <c>web/</c> beside the executable, compressed as they lie there. It holds
/// no secret and needs no credentials; what it shows comes from the API. Its addresses are its own routes, so that everything else that
/// does not exist stays a plain 404.
/// </summary>
internal static class WebApp
{
    private const string Policy =
        "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

    /// <summary>First segments of the app's own addresses.</summary>
    private static readonly string[] s_pages = ["flows", "runs", "connections", "variables", "keys", "operate", "members", "audit", "settings"];

    private static readonly string[] s_methods = [HttpMethods.Get, HttpMethods.Head];

    private static readonly FileExtensionContentTypeProvider s_types = new();

    public static void AddWebApp(this IHostApplicationBuilder builder) =>
        builder.Services.TryAddSingleton(new WebAppFiles(Path.Combine(AppContext.BaseDirectory, "web")));

    public static void MapWebApp(this IEndpointRouteBuilder app)
    {
        var folder = app.ServiceProvider.GetRequiredService<WebAppFiles>().Folder;
        var page = Path.Combine(folder, "index.html");
        var index = File.Exists(page) ? File.ReadAllText(page) : null;

        var pages = app.MapGroup("").AllowAnonymous("It holds no data but whether the browser sent a session along; what it shows it asks the API for, with the credentials of whoever looks.").WithMetadata(new WorksWithoutDatabase()).ExcludeFromDescription();
        var prefix = app.ServiceProvider.GetRequiredService<PublicUrl>().PathBase;
        Map("/", context => SendPageAsync(context, index, prefix));
        foreach (var name in s_pages)
            Map($"/{name}/{{**rest}}", context => SendPageAsync(context, index, prefix));
        Map("/favicon.svg", context => SendFileAsync(context, folder, "favicon.svg", isImmutable: false));
        // Their names carry a hash of what is in them.
        Map("/assets/{name}", context => SendFileAsync(context, Path.Combine(folder, "assets"), (string)context.GetRouteValue("name")!, isImmutable: true));

        void Map(string pattern, RequestDelegate send) => pages.MapMethods(pattern, s_methods, send);
    }

    private static Task SendPageAsync(HttpContext context, string? index, string prefix)
    {
        var response = context.Response;
        response.ContentType = "text/html; charset=utf-8";
        response.Headers.CacheControl = "private, no-cache";
        response.Headers.ContentSecurityPolicy = Policy;
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
        if (index is null)
        {
            response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return response.WriteAsync("""
                <!doctype html><html lang="en"><meta charset="utf-8"><title>Flows</title>
                <p>The Flows API is running, but its web app was not built: that takes Node.js 20.19 or later when Flows.Api is built.
                The API is described at <a href="docs">docs</a>.</p></html>
                """);
        }
        // Where the app lies as the browser sees it: all of its addresses are relative to this. A proxy in front may have taken the prefix off.
        var start = HtmlEncoder.Default.Encode($"{(context.Request.PathBase.HasValue ? context.Request.PathBase : prefix)}/");
        var page = index.Replace("<base href=\"/\" />", $"<base href=\"{start}\" />", StringComparison.Ordinal);
        // So that a browser without a session is not sent for a 401 first. Whether the session is good is for the API to say.
        if (SessionCookie.Read(context.Request) is not null)
            page = page.Replace("<html ", "<html data-session ", StringComparison.Ordinal);
        return response.WriteAsync(page, Encoding.UTF8, context.RequestAborted);
    }

    private static Task SendFileAsync(HttpContext context, string folder, string name, bool isImmutable)
    {
        var path = Path.Combine(folder, name);
        // A route value holds no slash, but it may hold an encoded one, or dots.
        if (Path.GetFileName(name) != name || name.EndsWith(".br", StringComparison.Ordinal) || name.EndsWith(".gz", StringComparison.Ordinal) || !File.Exists(path))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        }
        var response = context.Response;
        response.ContentType = s_types.TryGetContentType(name, out var type) ? type : "application/octet-stream";
        response.Headers.CacheControl = isImmutable ? "public, max-age=31536000, immutable" : "public, max-age=3600";
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers.Vary = HeaderNames.AcceptEncoding;
        foreach (var (ending, encoding) in (ReadOnlySpan<(string, string)>)[(".br", "br"), (".gz", "gzip")])
        {
            if (Accepts(context.Request, encoding) && File.Exists(path + ending))
            {
                response.Headers.ContentEncoding = encoding;
                return response.SendFileAsync(path + ending, context.RequestAborted);
            }
        }
        return response.SendFileAsync(path, context.RequestAborted);
    }

    private static bool Accepts(HttpRequest request, string encoding) =>
        StringWithQualityHeaderValue.TryParseList(request.Headers.AcceptEncoding, out var accepted)
        && accepted.Any(value => value.Value.Equals(encoding, StringComparison.OrdinalIgnoreCase) && value.Quality is not 0);
}
