using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Flows.Tests.Network;

/// <summary>
/// Two servers on one port: an outside one (127.0.0.2), which redirects to wherever it is told, and an inside one (127.0.0.1), which nobody
/// must reach and which counts who does. The first hit of it fails the test that asks.
/// </summary>
internal sealed class InsideAndOutside : IAsyncDisposable
{
    public const string Outside = "127.0.0.2";

    private readonly WebApplication _server;
    private int _insideConnections, _outsideConnections;

    private InsideAndOutside(WebApplication server) => _server = server;

    public int Port { get; private set; }

    /// <summary>Connections to the inside server, also those over which nothing was sent.</summary>
    public int InsideConnections => Volatile.Read(ref _insideConnections);

    /// <summary>Connections to the outside server.</summary>
    public int OutsideConnections => Volatile.Read(ref _outsideConnections);

    /// <summary>Authorization and cookie headers that reached the outside server, by path.</summary>
    public ConcurrentQueue<(string Host, string Path, string Credentials)> Requests { get; } = [];

    public static async Task<InsideAndOutside> StartAsync()
    {
        var port = FreePort();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        InsideAndOutside? both = null;
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Parse(Outside), port, outside => outside.Use(next => connection =>
            {
                Interlocked.Increment(ref both!._outsideConnections);
                return next(connection);
            }));
            kestrel.Listen(IPAddress.Loopback, port, inside => inside.Use(next => connection =>
            {
                Interlocked.Increment(ref both!._insideConnections);
                return next(connection);
            }));
        });
        var server = builder.Build();
        both = new InsideAndOutside(server) { Port = port };
        server.MapGet("/ok", (HttpContext http) => both.Note(http, Results.Text("outside")));
        server.MapGet("/to", (string url, HttpContext http) => both.Note(http, Results.Redirect(url)));
        server.MapGet("/close", (HttpContext http) =>
        {
            http.Response.Headers.Connection = "close";
            return both.Note(http, Results.Text("outside"));
        });
        server.MapGet("/big", (int mib) => Results.Stream(async body =>
        {
            var block = new byte[1 << 20];
            for (var i = 0; i < mib; i++)
                await body.WriteAsync(block);
        }));
        await server.StartAsync();
        return both;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private IResult Note(HttpContext http, IResult result)
    {
        Requests.Enqueue((http.Request.Host.Host, http.Request.Path, $"{http.Request.Headers.Authorization}{http.Request.Headers.Cookie}"));
        return result;
    }

    // Free on every address of the loopback, as far as one can know.
    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Any, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
