using System.Net.Sockets;

namespace Flows.LocalHosting.Orchestration;

/// <summary>Asks health endpoints.</summary>
internal sealed class HttpHealth : IDisposable
{
    // A kept connection would be broken by every restart; a new one on loopback costs nothing.
    private readonly HttpClient client = new(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.Zero, UseProxy = false, AllowAutoRedirect = false });

    /// <summary>Null when the answer has the wanted status; else what came instead.</summary>
    public async Task<string?> AskAsync(Uri? url, int status, CancellationToken cancel)
    {
        if (url is null)
            return null;
        try
        {
            using var answer = await client.GetAsync(url, HttpCompletionOption.ResponseHeadersRead, cancel);
            return (int)answer.StatusCode == status ? null : $"{url.AbsolutePath} answered {(int)answer.StatusCode}";
        }
        catch (HttpRequestException error)
        {
            return error.InnerException is SocketException ? "it does not listen yet" : error.Message;
        }
    }

    public void Dispose() => client.Dispose();
}
