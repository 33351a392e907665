using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Flows.Tests.Network;

/// <summary>A question that a resolver has asked, and what can be said to it. RFC 1035, section 4.</summary>
/// <param name="Turn">How often this name has been asked for with this type before.</param>
internal sealed record DnsQuestion(ushort Id, string Name, ushort Type, bool IsTcp, int Turn, byte[] Asked)
{
    public const ushort A = 1, Alias = 5, Aaaa = 28;
    private const ushort Response = 0x8180, Truncated = 0x0200;

    /// <summary>An answer as this server would give it, with nothing to be kept.</summary>
    /// <param name="records">Addresses under the asked name; of those of the other family none is sent.</param>
    public byte[] Addresses(params string[] records) => Packet([.. records.Select(IPAddress.Parse)
        .Where(address => (address.AddressFamily == AddressFamily.InterNetwork) == (Type == A)).Select(address => (Name, Type, address.GetAddressBytes()))]);

    /// <summary>A chain of other names, and the address of the last one.</summary>
    public byte[] Chain(string[] names, string? address)
    {
        List<(string, ushort, byte[])> records = [];
        var owner = Name;
        foreach (var name in names)
        {
            records.Add((owner, Alias, NameOf(name)));
            owner = name;
        }
        if (address is not null && (IPAddress.Parse(address).AddressFamily == AddressFamily.InterNetwork) == (Type == A))
            records.Add((owner, Type, IPAddress.Parse(address).GetAddressBytes()));
        return Packet(records);
    }

    public byte[] Packet(IReadOnlyList<(string Owner, ushort Type, byte[] Data)> records)
    {
        var packet = new List<byte>();
        Add(packet, Id);
        Add(packet, Response);
        Add(packet, 1);
        Add(packet, (ushort)records.Count);
        Add(packet, 0);
        Add(packet, 0);
        packet.AddRange(Asked);
        foreach (var (owner, type, data) in records)
        {
            packet.AddRange(NameOf(owner));
            Add(packet, type);
            Add(packet, 1);
            packet.AddRange([0, 0, 0, 0]); // time to live
            Add(packet, (ushort)data.Length);
            packet.AddRange(data);
        }
        return [.. packet];
    }

    /// <summary>The answer cut off at what a datagram may have, and marked so.</summary>
    public static byte[] Cut(byte[] packet)
    {
        var cut = packet.AsSpan(0, Math.Min(packet.Length, 500)).ToArray();
        cut[2] |= Truncated >> 8;
        return cut;
    }

    public static byte[] NameOf(string name) => [.. name.Split('.').SelectMany(label => Encoding.ASCII.GetBytes(label).Prepend((byte)label.Length)), 0];

    private static void Add(List<byte> packet, ushort value) => packet.AddRange([(byte)(value >> 8), (byte)value]);
}

/// <summary>
/// A name server under an attacker's hand, on port 53 of an address of the loopback, over UDP and TCP. To each question it sends what the test says, in that order:
/// several answers to one question, late ones, and none.
/// </summary>
internal sealed class HostileNameServer : IAsyncDisposable
{
    public const string Address = "127.0.53.77";
    private static readonly IPEndPoint s_at = new(IPAddress.Parse(Address), 53);

    private readonly Func<DnsQuestion, IEnumerable<(TimeSpan After, byte[] Packet)>> _answers;
    private readonly Socket _udp = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly TcpListener _tcp = new(s_at);
    private readonly CancellationTokenSource _closing = new();
    private readonly ConcurrentDictionary<(string, ushort), int> _turns = new();
    private readonly Task _serving;

    public HostileNameServer(Func<DnsQuestion, IEnumerable<(TimeSpan After, byte[] Packet)>> answers)
    {
        _answers = answers;
        _udp.Bind(s_at);
        _tcp.Start();
        _serving = Task.WhenAll(ServeUdpAsync(), ServeTcpAsync());
    }

    /// <summary>Questions for addresses of this name, over both.</summary>
    public int AskedFor(string name) => _turns.Where(entry => entry.Key.Item1 == name).Sum(entry => entry.Value);

    /// <summary>Why there can be none here; null when there can.</summary>
    public static string? Lack
    {
        get
        {
            try
            {
                using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
                probe.Bind(s_at);
                return null;
            }
            catch (SocketException error)
            {
                return $"No name server can listen on {s_at} here ({error.SocketErrorCode}); port 53 takes a privilege.";
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        _udp.Dispose();
        _tcp.Dispose();
        await _serving;
        _closing.Dispose();
    }

    private async Task ServeUdpAsync()
    {
        var buffer = new byte[4096];
        while (!_closing.IsCancellationRequested)
        {
            try
            {
                var got = await _udp.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _closing.Token);
                if (Read(buffer.AsSpan(0, got.ReceivedBytes), isTcp: false) is { } question)
                    _ = SendAsync(question, packet => _udp.SendToAsync(packet, got.RemoteEndPoint, _closing.Token).AsTask());
            }
            catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                // Closing, or a resolver that has gone away.
            }
        }
    }

    private async Task ServeTcpAsync()
    {
        while (!_closing.IsCancellationRequested)
        {
            try
            {
                using var client = await _tcp.AcceptTcpClientAsync(_closing.Token);
                var stream = client.GetStream();
                var header = new byte[2];
                while (await stream.ReadAtLeastAsync(header, 2, throwOnEndOfStream: false, _closing.Token) == 2)
                {
                    var body = new byte[BinaryPrimitives.ReadUInt16BigEndian(header)];
                    await stream.ReadExactlyAsync(body, _closing.Token);
                    if (Read(body, isTcp: true) is { } question)
                        await SendAsync(question, packet => stream.WriteAsync((byte[])[(byte)(packet.Length >> 8), (byte)packet.Length, .. packet], _closing.Token).AsTask());
                }
            }
            catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException or SocketException or IOException)
            {
                // As above.
            }
        }
    }

    private async Task SendAsync(DnsQuestion question, Func<byte[], Task> send)
    {
        try
        {
            foreach (var (after, packet) in _answers(question))
            {
                if (after > TimeSpan.Zero)
                    await Task.Delay(after, _closing.Token); // an answer that is late is what is tried
                await send(packet);
            }
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException or SocketException or IOException)
        {
            // As above.
        }
    }

    private DnsQuestion? Read(ReadOnlySpan<byte> packet, bool isTcp)
    {
        if (packet.Length < 17)
            return null;
        var labels = new List<string>();
        var at = 12;
        while (packet[at] is var length and > 0)
        {
            labels.Add(Encoding.ASCII.GetString(packet.Slice(at + 1, length)));
            at += length + 1;
        }
        var name = string.Join('.', labels).ToLowerInvariant();
        var type = BinaryPrimitives.ReadUInt16BigEndian(packet[(at + 1)..]);
        var turn = _turns.AddOrUpdate((name, type), 1, (_, before) => before + 1) - 1;
        return new DnsQuestion(BinaryPrimitives.ReadUInt16BigEndian(packet), name, type, isTcp, turn, packet[12..(at + 5)].ToArray());
    }
}
