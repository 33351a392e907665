using System.Net;
using System.Net.Sockets;
using Flows.LocalHosting.Orchestration;

namespace Flows.Tests.LocalHosting;

public sealed class SeveralReplicasBehindOnePort : IDisposable
{
    private readonly List<TcpListener> replicas = [Listen("a"), Listen("b")];

    [Fact]
    public async Task Connections_go_to_each_in_turn_and_past_one_that_has_gone()
    {
        var port = Ports.Free();
        var targets = replicas.Select(PortOf).ToList();
        await using var proxy = new RoundRobinProxy(port, () => targets);
        proxy.Start();

        var answers = new[] { await AskAsync(port), await AskAsync(port), await AskAsync(port), await AskAsync(port) };
        Assert.Equal(2, answers.Count(answer => answer == "a"));
        Assert.Equal(2, answers.Count(answer => answer == "b"));

        replicas[0].Stop();
        Assert.Equal(["b", "b", "b"], [await AskAsync(port), await AskAsync(port), await AskAsync(port)]);
    }

    [Fact]
    public async Task Without_any_healthy_one_the_connection_is_closed()
    {
        var port = Ports.Free();
        await using var proxy = new RoundRobinProxy(port, () => []);
        proxy.Start();
        Assert.Equal("", await AskAsync(port));
    }

    public void Dispose()
    {
        foreach (var replica in replicas)
            replica.Dispose();
    }

    private static int PortOf(TcpListener listener) => ((IPEndPoint)listener.LocalEndpoint).Port;

    private static TcpListener Listen(string answer)
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        _ = AnswerAsync(listener, answer);
        return listener;
    }

    private static async Task AnswerAsync(TcpListener listener, string answer)
    {
        try
        {
            while (true)
            {
                using var client = await listener.AcceptTcpClientAsync();
                await client.GetStream().WriteAsync(System.Text.Encoding.ASCII.GetBytes(answer));
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // Stopped by the test.
        }
    }

    private static async Task<string> AskAsync(int port)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port);
        using var reader = new StreamReader(client.GetStream());
        return await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(60));
    }
}
