using System.Net;
using System.Net.Sockets;

namespace Flows.Contracts.Network;

/// <summary>The addresses of a name, as the system gives them.</summary>
/// <exception cref="SocketException">The name is not known, or nobody answers for it.</exception>
public delegate Task<IPAddress[]> ResolveName(string name, CancellationToken cancel);

/// <summary>
/// Opens connections under a policy. A name is resolved once for each connection, every address of it is checked, and the connection goes
/// to one of the checked addresses: what the name means a moment later does not matter. One refused address refuses the name. Used in
/// the engine, in the worker's broker, and for the API's own calls.
/// </summary>
public sealed class NetworkGate(NetworkPolicy policy, NetworkSettings settings, ResolveName? resolve = null, TimeProvider? clock = null) : IDisposable
{
    private const int MostAddresses = 16;
    private static readonly TimeSpan s_connectTime = TimeSpan.FromSeconds(15);
    // How long an address is alone before the next one is tried beside it: RFC 8305, section 5.
    private static readonly TimeSpan s_headStart = TimeSpan.FromMilliseconds(250);

    private readonly ResolveName _resolve = resolve ?? Dns.GetHostAddressesAsync;
    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly SemaphoreSlim _free = new(settings.Connections);

    /// <exception cref="NetworkSettingException"/>
    public NetworkGate(NetworkSettings settings, ResolveName? resolve = null) : this(new NetworkPolicy(settings), settings, resolve)
    {
    }

    /// <summary>Opens a connection, within 15 s. The caller disposes of it.</summary>
    /// <param name="host">A name or an address, as the flow has it.</param>
    /// <exception cref="NetworkRefusedException">The policy, or a limit, does not let it through.</exception>
    /// <exception cref="SocketException">The name is not known, or nobody answers there.</exception>
    /// <exception cref="TimeoutException">Nobody answered in time.</exception>
    public async Task<GuardedStream> ConnectAsync(string host, int port, CancellationToken cancel)
    {
        var name = HostName.Parse(host) ?? throw new NetworkRefusedException($"'{Printable(host)}' is neither a host name nor an address.");
        var named = policy.CheckHost(name, port);

        using var late = new CancellationTokenSource(s_connectTime, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, late.Token);
        var isCounted = false;
        try
        {
            await _free.WaitAsync(either.Token);
            isCounted = true;
            // The wait for the system's resolver can be left, its thread cannot; it ends by its own limit.
            var addresses = name.Address is { } literal ? [literal] : await _resolve(name.Text, either.Token).WaitAsync(either.Token);
            if (addresses.Length == 0)
                throw new SocketException((int)SocketError.HostNotFound);
            foreach (var address in addresses)
                policy.CheckAddress(name, address, port, named);

            var (socket, connected) = await ConnectAnyAsync(Interleaved(addresses), port, either.Token);
            isCounted = false;
            return new GuardedStream(socket, connected, (long)settings.ConnectionMiB << 20, () => _free.Release());
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw isCounted
                ? new TimeoutException($"{NetworkPolicy.Shown(name, port)} did not answer within {s_connectTime.TotalSeconds:0} s.")
                : new NetworkRefusedException(
                    $"{settings.Connections} connections are open, and none was closed within {s_connectTime.TotalSeconds:0} s; {NetworkSettings.ConnectionsVariable} is the limit.");
        }
        finally
        {
            if (isCounted)
                _free.Release();
        }
    }

    public void Dispose() => _free.Dispose();

    /// <summary>Tries one address after the other; a slow one is given company after a while, and the first that answers wins.</summary>
    private async Task<(Socket Socket, IPAddress Address)> ConnectAnyAsync(List<IPAddress> addresses, int port, CancellationToken cancel)
    {
        using var settled = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var tries = new List<Task<(Socket Socket, IPAddress Address)>>();
        Exception? failure = null;
        var next = 0;
        try
        {
            while (next < addresses.Count || tries.Count > 0)
            {
                if (next < addresses.Count)
                    tries.Add(ConnectOneAsync(addresses[next++], port, settled.Token));
                var any = Task.WhenAny(tries);
                if (next < addresses.Count)
                    await Task.WhenAny(any, Task.Delay(s_headStart, _clock, settled.Token));
                else
                    await any;
                cancel.ThrowIfCancellationRequested();
                foreach (var done in tries.Where(one => one.IsCompleted).ToList())
                {
                    tries.Remove(done);
                    if (done.IsCompletedSuccessfully)
                        return await done;
                    failure ??= done.Exception?.InnerException;
                }
            }
            throw failure ?? new SocketException((int)SocketError.HostUnreachable);
        }
        finally
        {
            await settled.CancelAsync();
            foreach (var loser in tries)
                _ = loser.ContinueWith(one => one.Result.Socket.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
        }
    }

    private static async Task<(Socket, IPAddress)> ConnectOneAsync(IPAddress address, int port, CancellationToken cancel)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new IPEndPoint(address, port), cancel);
            return (socket, address);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    // The system has sorted them; the families take turns, so that a broken one costs one head start (RFC 8305, section 4).
    private static List<IPAddress> Interleaved(IPAddress[] addresses)
    {
        var first = addresses.Where(address => address.AddressFamily == addresses[0].AddressFamily).ToList();
        var other = addresses.Where(address => address.AddressFamily != addresses[0].AddressFamily).ToList();
        var mixed = new List<IPAddress>();
        for (var i = 0; i < Math.Max(first.Count, other.Count); i++)
        {
            if (i < first.Count)
                mixed.Add(first[i]);
            if (i < other.Count)
                mixed.Add(other[i]);
        }
        return mixed.Count <= MostAddresses ? mixed : mixed[..MostAddresses];
    }

    private static string Printable(string host)
    {
        var text = new string([.. host.Take(100).Select(c => char.IsControl(c) || char.IsSurrogate(c) || c == '\'' ? '?' : c)]);
        return host.Length > 100 ? text + "…" : text;
    }
}
