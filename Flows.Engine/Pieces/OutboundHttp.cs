using System.Net;

namespace Flows.Engine.Pieces;

/// <summary>
/// The one HTTP client of an engine. No proxy of the environment, no cookies, no redirect by itself: where a request goes is the
/// piece's decision. Made at the first use, because many flows have none.
/// </summary>
internal sealed class OutboundHttp(OutboundNetwork network) : IDisposable
{
    private readonly Lazy<HttpClient> _client = new(() => new HttpClient(new OutgoingTrace(new SocketsHttpHandler
    {
        ConnectCallback = async (connection, cancel) => await network.ConnectAsync(connection.DnsEndPoint.Host, connection.DnsEndPoint.Port, cancel),
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.All,
        PooledConnectionLifetime = TimeSpan.FromMinutes(2),
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
        MaxResponseHeadersLength = 64,
    }))
    {
        // Every request has its own limit.
        Timeout = Timeout.InfiniteTimeSpan,
        // HTTP/3 would go over UDP, past the callback above.
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
    });

    /// <summary>For protocols other than HTTP.</summary>
    public OutboundNetwork Network => network;

    public HttpClient Client => _client.Value;

    public void Dispose()
    {
        if (_client.IsValueCreated)
            _client.Value.Dispose();
    }
}
