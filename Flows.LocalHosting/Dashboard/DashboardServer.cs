using System.Reflection;
using System.Security.Cryptography;
using Aspire.Hosting.ApplicationModel;
using Flows.LocalHosting.Dashboard.Traces;
using Flows.LocalHosting.Orchestration;
using Flows.LocalHosting.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Flows.LocalHosting.Dashboard;

/// <summary>The dev dashboard, served by the AppHost's own process on loopback.</summary>
internal sealed class DashboardServer(DashboardAddress address, Orchestrator orchestrator, TraceEndpoints traces, HostingContext context) : IHostedService, IAsyncDisposable
{
    private static readonly TimeSpan LongestStop = TimeSpan.FromSeconds(2);

    // Known to the page alone: another site can make a browser send a request here, but not with this header.
    private readonly string token = RandomNumberGenerator.GetHexString(32);
    private WebApplication? app;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (address.Port is not { } port)
            return;

        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = [] });
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.ListenLocalhost(port);
        });
        app = builder.Build();
        app.Use(RefuseStrangersAsync);
        MapPage(app);
        new DashboardEndpoints(orchestrator, context).Map(app);
        traces.Map(app);
        await app.StartAsync(cancellationToken);
        Log.Dashboard(context.Logger, address.Url);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (app is null)
            return;
        // Open pages hold live streams; they are not waited for.
        using var limit = new CancellationTokenSource(LongestStop);
        await app.StopAsync(limit.Token);
    }

    public ValueTask DisposeAsync() => app?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>A name that merely resolves to loopback is refused (DNS rebinding), and so is a change that the page did not ask for.</summary>
    private async Task RefuseStrangersAsync(HttpContext http, RequestDelegate next)
    {
        var isLocal = http.Request.Host.Host is "localhost" or "127.0.0.1" or "[::1]";
        var isReading = HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method);
        if (!isLocal || (!isReading && !TokenMatches(http.Request.Headers["X-Flows-Token"].ToString()) && !traces.IsFromProcess(http.Request)))
        {
            http.Response.StatusCode = isLocal ? StatusCodes.Status403Forbidden : StatusCodes.Status400BadRequest;
            return;
        }
        http.Response.Headers.ContentSecurityPolicy = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'";
        http.Response.Headers.XContentTypeOptions = "nosniff";
        http.Response.Headers["Referrer-Policy"] = "no-referrer";
        http.Response.Headers.CacheControl = "no-store";
        await next(http);
    }

    private bool TokenMatches(string given) =>
        CryptographicOperations.FixedTimeEquals(System.Text.Encoding.UTF8.GetBytes(given), System.Text.Encoding.UTF8.GetBytes(token));

    private void MapPage(WebApplication web)
    {
        web.MapGet("/", () => Results.Text(Read("index.html").Replace("{{token}}", token, StringComparison.Ordinal), "text/html; charset=utf-8"));
        web.MapGet("/dashboard.css", () => Results.Text(Read("dashboard.css"), "text/css; charset=utf-8"));
        web.MapGet("/dashboard.js", () => Results.Text(Read("dashboard.js"), "text/javascript; charset=utf-8"));
    }

    private static string Read(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"dashboard/{name}")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
