using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Aspire.Hosting;

namespace Flows.LocalHosting.Orchestration;

internal static class Ports
{
    // Below the range from which systems take ports for outgoing connections, so that one given out here stays free until it is used.
    private const int First = 20_000;
    private const int Last = 32_000;

    /// <summary>A port nobody listens on.</summary>
    public static int Free()
    {
        for (var tries = 0; tries < 200; tries++)
        {
            var port = RandomNumberGenerator.GetInt32(First, Last);
            if (IsFree(port))
                return port;
        }
        throw new DistributedApplicationException($"No free port was found between {First} and {Last}.");
    }

    public static bool IsFree(int port) =>
        CanListen(IPAddress.Loopback, port) && (!Socket.OSSupportsIPv6 || CanListen(IPAddress.IPv6Loopback, port));

    private static bool CanListen(IPAddress address, int port)
    {
        try
        {
            using var listener = new TcpListener(address, port);
            listener.Start();
            return true;
        }
        catch (SocketException error)
        {
            // A machine may know IPv6 and still have no IPv6 loopback; that does not make the port taken.
            return error.SocketErrorCode == SocketError.AddressNotAvailable;
        }
    }
}
