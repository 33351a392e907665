using System.Net;
using Flows.Contracts.Network;
using Flows.Worker.Egress;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Flows.Api.Outbound;

/// <summary>
/// The one HTTP client with which the API calls hosts that a user has named. It keeps to the same network policy as flows do
/// (<c>Flows__Execution__Network</c>, <c>Allow</c>, <c>Deny</c>), follows no redirect, keeps no cookie, and knows no proxy of the environment.
/// What the policy refuses is an <see cref="HttpRequestException"/>; <see cref="NetworkRefusedException.In"/> finds the reason.
/// </summary>
internal sealed class OutboundHttp : IDisposable
{
    private const int MostBytes = 4 * 1024 * 1024;
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(30);

    private readonly NetworkGate _gate;

    public OutboundHttp(IOptions<NetworkOptions> options)
    {
        _gate = new NetworkGate(options.Value.ToSettings());
        Client = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (connection, cancel) => await _gate.ConnectAsync(connection.DnsEndPoint.Host, connection.DnsEndPoint.Port, cancel),
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.All,
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            MaxResponseHeadersLength = 64,
        })
        {
            Timeout = s_timeout,
            MaxResponseContentBufferSize = MostBytes,
            // HTTP/3 would go over UDP, past the callback above.
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
    }

    /// <summary>At most 30 s a call, and 4 MiB an answer, unpacked.</summary>
    public HttpClient Client { get; }

    public void Dispose()
    {
        Client.Dispose();
        _gate.Dispose();
    }
}

internal static class OutboundRegistration
{
    /// <summary>Adds <see cref="OutboundHttp"/> and its settings, which are those of the engines; twice is as good as once.</summary>
    public static void AddOutboundHttp(this IHostApplicationBuilder builder)
    {
        builder.Services.AddNetworkOptions();
        builder.Services.TryAddSingleton<OutboundHttp>();
    }
}
