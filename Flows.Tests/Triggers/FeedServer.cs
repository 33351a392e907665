using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Flows.Tests.Triggers;

/// <summary>A feed on a port of its own.</summary>
internal sealed class FeedServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FeedServer(WebApplication app) => _app = app;

    /// <summary>Ids, newest first.</summary>
    public IReadOnlyList<string> Items { get; set; } = [];
    public HttpStatusCode Status { get; set; } = HttpStatusCode.OK;
    public string Address => $"{_app.Urls.Single()}/feed.xml";

    public static async Task<FeedServer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var server = new FeedServer(app);
        app.Run(server.AnswerAsync);
        await app.StartAsync();
        return server;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext http)
    {
        http.Response.StatusCode = (int)Status;
        if (Status != HttpStatusCode.OK)
            return;
        var tag = $"\"{string.Join('-', Items)}\"";
        http.Response.Headers.ETag = tag;
        if (http.Request.Headers.IfNoneMatch == tag)
        {
            http.Response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }
        http.Response.ContentType = "application/rss+xml";
        await http.Response.WriteAsync($"""
            <rss version="2.0"><channel><title>Ours</title><link>https://example.com</link>
            {string.Concat(Items.Select(id => $"<item><guid>{id}</guid><title>Title of {id}</title><pubDate>Sun, 29 Mar 2026 07:30:00 GMT</pubDate></item>"))}
            </channel></rss>
            """);
    }
}
