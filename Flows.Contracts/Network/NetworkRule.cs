using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Flows.Contracts.Network;

/* One entry of Flows__Execution__Allow or Deny:
 *   rule  => host ( ":" PORT )?  |  "[" ipv6 "]" ( ":" PORT )?  |  ipv6
 *   host  => NAME | "*." NAME | IPV4 | IPV4 "/" BITS        ipv6 => IPV6 | IPV6 "/" BITS                    */

/// <summary>A host name, the names below one (<c>*.example.com</c>), or a range of addresses; of one port or of all.</summary>
public sealed record NetworkRule(string Text, string? Name, bool IsWildcard, IPNetwork? Network, int? Port)
{
    /// <summary>True when the rule names this host; a range names none.</summary>
    public bool Names(HostName host, int port) =>
        Name is not null && host.Address is null && IsOf(port)
        && (IsWildcard ? host.Text.Length > Name.Length + 1 && host.Text.EndsWith("." + Name, StringComparison.Ordinal) : host.Text == Name);

    /// <summary>True when the rule's range has this address; a name has none.</summary>
    public bool Covers(IPAddress address, int port) => Network is { } network && IsOf(port) && network.Contains(address);

    public override string ToString() => Text;

    private bool IsOf(int port) => Port is null || Port == port;

    /// <summary>Reads a list of rules, separated by commas.</summary>
    /// <param name="setting">The environment variable they come from.</param>
    /// <exception cref="NetworkSettingException"/>
    public static IReadOnlyList<NetworkRule> ParseList(string text, string setting) =>
        [.. text.Split([',', ';', ' ', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(entry => Parse(entry, setting))];

    private static NetworkRule Parse(string entry, string setting)
    {
        var (place, port) = SplitPort(entry);
        if (port is 0)
            throw Wrong("has a port that is none");

        if (place.StartsWith("*.", StringComparison.Ordinal))
        {
            return HostName.Parse(place[2..]) is { Address: null } parent
                ? new NetworkRule(entry, parent.Text, IsWildcard: true, Network: null, port)
                : throw Wrong("has no host name behind the star");
        }
        if (place.Contains('*', StringComparison.Ordinal))
            throw Wrong("has a star inside; only the first part of a name may be one, as in *.example.com");

        var slash = place.IndexOf('/', StringComparison.Ordinal);
        if (HostName.Parse(slash < 0 ? place : place[..slash]) is not { } host)
            throw Wrong("is neither a host name nor a range of addresses");
        if (host.Address is null)
            return slash < 0 ? new NetworkRule(entry, host.Text, IsWildcard: false, Network: null, port) : throw Wrong("is neither a host name nor a range of addresses");

        var size = host.Address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var bits = size;
        if (slash >= 0 && (!int.TryParse(place.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out bits) || bits > size))
            throw Wrong($"has no prefix length of 0 to {size}");
        // A typing mistake in the address would open or close a range that nobody meant.
        var first = FirstOf(host.Address, bits);
        return first.Equals(host.Address)
            ? new NetworkRule(entry, Name: null, IsWildcard: false, new IPNetwork(first, bits), port)
            : throw Wrong($"is not the first address of its range; {first}/{bits} is");

        NetworkSettingException Wrong(string why) => new(setting, $"has the entry '{entry}', which {why}.");
    }

    /// <returns>Port 0 for one that is not a port.</returns>
    private static (string Place, int? Port) SplitPort(string entry)
    {
        if (entry[0] == '[')
        {
            var end = entry.IndexOf(']', StringComparison.Ordinal);
            if (end < 0)
                return (entry, null);
            return end == entry.Length - 1 ? (entry[1..end], null) : (entry[1..end], entry[end + 1] == ':' ? PortOf(entry[(end + 2)..]) : 0);
        }
        var colon = entry.LastIndexOf(':');
        return colon < 0 || colon != entry.IndexOf(':', StringComparison.Ordinal) ? (entry, null) : (entry[..colon], PortOf(entry[(colon + 1)..]));
    }

    private static int PortOf(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= 65535 ? port : 0;

    private static IPAddress FirstOf(IPAddress address, int bits)
    {
        var bytes = address.GetAddressBytes();
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] &= (byte)(0xFF00 >> Math.Clamp(bits - (8 * i), 0, 8));
        return new IPAddress(bytes);
    }
}
