using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Flows.Contracts.Network;
using Flows.Engine.Pieces;
using Flows.Worker.Egress;
using Flows.Worker.Sandbox;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Flows.Tests.Network;

/// <summary>The socket between an engine and its broker: any protocol over it, and what happens when either side misbehaves.</summary>
public sealed class SpeakingToTheBroker : IAsyncLifetime
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);
    private readonly TcpListener _server = new(IPAddress.Parse(InsideAndOutside.Outside), 0);
    private readonly ProcessStarter _starter = new();
    private readonly EgressMetrics _metrics = new();
    private readonly ManualClock _clock = new();
    private readonly Lines _log = new();
    private EgressBroker _broker = null!;
    private BrokeredEgress _egress = null!;

    private int Port => ((IPEndPoint)_server.LocalEndpoint).Port;
    private BrokeredNetwork Network => new(_egress.SocketPath);

    public Task InitializeAsync()
    {
        _server.Start();
        Open(new NetworkOptions { Allow = InsideAndOutside.Outside, Connections = 2 });
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await _egress.DisposeAsync();
        _broker.Dispose();
        _metrics.Dispose();
        _starter.Dispose();
        _server.Dispose();
    }

    private void Open(NetworkOptions options)
    {
        var namespaces = new NetworkNamespace(_starter, NullLogger<NetworkNamespace>.Instance);
        _broker = new EgressBroker(Options.Create(options), Options.Create(new ExecutionOptions()), namespaces, _metrics, _clock, _log);
        _egress = _broker.OpenSocket([]);
    }

    private async Task<(Stream Here, TcpClient There)> ConnectAsync()
    {
        var accepting = _server.AcceptTcpClientAsync();
        var here = await Network.ConnectAsync(InsideAndOutside.Outside, Port, default).WaitAsync(s_limit);
        return (here, await accepting.WaitAsync(s_limit));
    }

    private static async Task<byte[]> ReadAsync(Stream stream, int count)
    {
        var bytes = new byte[count];
        await stream.ReadExactlyAsync(bytes).AsTask().WaitAsync(s_limit);
        return bytes;
    }

    private static Task<int> ReadToEndAsync(Stream stream) => stream.ReadAsync(new byte[1]).AsTask().WaitAsync(s_limit);

    [Fact]
    public async Task The_other_end_may_speak_first_and_each_side_may_end_before_the_other()
    {
        var (here, there) = await ConnectAsync();
        await using var _ = here;
        using var __ = there;

        await there.GetStream().WriteAsync("220 hello"u8.ToArray());
        Assert.Equal("220 hello"u8.ToArray(), await ReadAsync(here, 9));
        await here.WriteAsync("QUIT"u8.ToArray());
        Assert.Equal("QUIT"u8.ToArray(), await ReadAsync(there.GetStream(), 4));

        // The engine has nothing more to say, and still hears the rest.
        ((NetworkStream)here).Socket.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, await ReadToEndAsync(there.GetStream()));
        await there.GetStream().WriteAsync("221 bye"u8.ToArray());
        Assert.Equal("221 bye"u8.ToArray(), await ReadAsync(here, 7));
        there.Client.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, await ReadToEndAsync(here));
    }

    [Fact]
    public async Task Large_data_goes_both_ways_at_once_unchanged()
    {
        var (here, there) = await ConnectAsync();
        await using var _ = here;
        using var __ = there;
        var data = RandomNumberGenerator.GetBytes(4 << 20);

        var sent = Task.WhenAll(here.WriteAsync(data).AsTask(), there.GetStream().WriteAsync(data).AsTask());
        var got = await Task.WhenAll(ReadAsync(here, data.Length), ReadAsync(there.GetStream(), data.Length));
        await sent.WaitAsync(s_limit);
        Assert.All(got, bytes => Assert.True(bytes.AsSpan().SequenceEqual(data)));
    }

    [Fact]
    public async Task TLS_goes_from_end_to_end()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=far.example", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
        var (here, there) = await ConnectAsync();
        using var __ = there;
        await using var server = new SslStream(there.GetStream());
        await using var client = new SslStream(here, leaveInnerStreamOpen: false, (_, shown, _, _) => shown!.GetCertHashString() == certificate.GetCertHashString());

        await Task.WhenAll(server.AuthenticateAsServerAsync(certificate), client.AuthenticateAsClientAsync("far.example")).WaitAsync(s_limit);
        await client.WriteAsync("secret"u8.ToArray());
        Assert.Equal("secret"u8.ToArray(), await ReadAsync(server, 6));
    }

    [Fact]
    public async Task A_refusal_names_what_is_refused_and_is_logged_with_the_run_a_limited_number_of_times()
    {
        _egress.RunId = Guid.CreateVersion7();
        for (var i = 0; i < 30; i++)
        {
            var error = await Assert.ThrowsAsync<NetworkRefusedException>(() => Network.ConnectAsync("10.0.0.1", 80, default).WaitAsync(s_limit));
            Assert.StartsWith("10.0.0.1:80 must not be reached: 10.0.0.0/8 is for private networks", error.Message, StringComparison.Ordinal);
        }
        Assert.Equal(20, _log.Warnings.Count(line => line.StartsWith($"Run {_egress.RunId} was refused a connection: 10.0.0.1:80 must not be reached", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Nothing_moving_for_too_long_ends_a_connection()
    {
        var (here, there) = await ConnectAsync();
        await using var _ = here;
        using var __ = there;
        await here.WriteAsync("x"u8.ToArray());
        await ReadAsync(there.GetStream(), 1);

        _clock.Advance(TimeSpan.FromMinutes(16));
        Assert.Equal(0, await ReadToEndAsync(there.GetStream()));
        Assert.Equal(0, await ReadToEndAsync(here));
    }

    [Fact]
    public async Task A_full_engine_waits_until_a_place_is_free()
    {
        var first = await ConnectAsync();
        var second = await ConnectAsync();

        var third = Network.ConnectAsync(InsideAndOutside.Outside, Port, default);
        await first.Here.DisposeAsync();
        first.There.Dispose();
        await using var freed = await third.WaitAsync(s_limit);
        using var accepted = await _server.AcceptTcpClientAsync().WaitAsync(s_limit);
        await second.Here.DisposeAsync();
        second.There.Dispose();
    }

    [Fact]
    public async Task A_full_engine_is_told_the_limit_when_no_place_comes()
    {
        var settings = new NetworkSettings(Allow: InsideAndOutside.Outside, Connections: 1);
        using var gate = new NetworkGate(new NetworkPolicy(settings), settings, clock: _clock);
        await using (await gate.ConnectAsync(InsideAndOutside.Outside, Port, default))
        {
            var waiting = gate.ConnectAsync(InsideAndOutside.Outside, Port, default);
            _clock.Advance(TimeSpan.FromSeconds(16));
            var error = await Assert.ThrowsAsync<NetworkRefusedException>(() => waiting.WaitAsync(s_limit));
            Assert.Equal("1 connections are open, and none was closed within 15 s; Flows__Execution__Connections is the limit.", error.Message);
        }
        await (await gate.ConnectAsync(InsideAndOutside.Outside, Port, default).WaitAsync(s_limit)).DisposeAsync();
    }

    [Theory]
    [InlineData(new byte[] { 0, 0, 1, 2 })]
    [InlineData(new byte[] { 255, 255, 1, 2 })]
    [InlineData(new byte[] { (byte)'C', (byte)'O', (byte)'N', (byte)'N', (byte)'E', (byte)'C', (byte)'T' })]
    public async Task Anything_but_the_protocol_is_cut_off_and_the_broker_serves_on(byte[] bytes)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(_egress.SocketPath));
        await socket.SendAsync(bytes);
        socket.Shutdown(SocketShutdown.Send);
        await AssertCutOffAsync(socket);

        var (here, there) = await ConnectAsync();
        await here.DisposeAsync();
        there.Dispose();
    }

    [Fact]
    public async Task An_engine_that_says_nothing_is_cut_off_after_five_seconds()
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(_egress.SocketPath));
        await UntilAsync(() => _clock.Waiting > 0);
        _clock.Advance(TimeSpan.FromSeconds(6));
        await AssertCutOffAsync(socket);
    }

    [Fact]
    public async Task When_the_engine_is_gone_so_are_its_connections_and_its_socket()
    {
        var (here, there) = await ConnectAsync();
        await using var _ = here;
        using var __ = there;

        await _egress.DisposeAsync().AsTask().WaitAsync(s_limit);
        Assert.Equal(0, await ReadToEndAsync(there.GetStream()));
        Assert.False(File.Exists(_egress.SocketPath));
        Open(new NetworkOptions());
    }

    [Fact]
    public async Task Each_engine_has_a_socket_of_its_own_that_others_cannot_find()
    {
        var folder = Path.GetDirectoryName(_egress.SocketPath)!;
        await using (var other = _broker.OpenSocket([]))
            Assert.NotEqual(_egress.SocketPath, other.SocketPath);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(folder) & (UnixFileMode.OtherRead | UnixFileMode.GroupRead | UnixFileMode.OtherWrite | UnixFileMode.GroupWrite));
    }

    // With bytes of ours unread the kernel says so.
    private static async Task AssertCutOffAsync(Socket socket)
    {
        try
        {
            Assert.Equal(0, await socket.ReceiveAsync(new byte[1]).WaitAsync(s_limit));
        }
        catch (SocketException reset)
        {
            Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
        }
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(s_limit);
        while (!condition())
            await Task.Delay(5, limit.Token);
    }

    private sealed class Lines : ILogger<EgressBroker>
    {
        private readonly List<string> _warnings = [];

        public IReadOnlyList<string> Warnings
        {
            get
            {
                lock (_warnings)
                    return [.. _warnings];
            }
        }

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;
        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel != LogLevel.Warning)
                return;
            lock (_warnings)
                _warnings.Add(formatter(state, exception));
        }
    }
}
