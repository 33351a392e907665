using System.Net;
using System.Net.Sockets;

namespace Flows.Contracts.Network;

/// <summary>A range of addresses that is not the public internet.</summary>
/// <param name="IsNear">True for the operator's own networks: there an allowed host name is enough. False for what only an entry with the
/// address itself may open: the services of the machine's cloud, and addresses that are no single host's.</param>
public sealed record SpecialRange(IPNetwork Network, string Purpose, bool IsNear = false)
{
    public override string ToString() => Network.ToString();
}

/// <summary>
/// Every special range of IPv4 and IPv6. Sources: the IANA registries "IPv4 Special-Purpose Address Space", "IPv6 Special-Purpose Address
/// Space", "IPv4 Multicast", "Internet Protocol Version 6 Address Space", and the documents of the clouds.
/// </summary>
public static class SpecialAddresses
{
    private static readonly SpecialRange[] s_ipv4 =
    [
        Range("0.0.0.0/8", "this machine", isNear: true),
        Range("10.0.0.0/8", "private networks", isNear: true),
        Range("100.64.0.0/10", "shared networks of providers", isNear: true),
        Range("127.0.0.0/8", "this machine", isNear: true),
        Range("169.254.0.0/16", "the link, and the metadata service of clouds"),
        Range("172.16.0.0/12", "private networks", isNear: true),
        Range("192.0.0.0/24", "protocols, and the metadata service of a cloud"),
        Range("192.0.2.0/24", "documentation"),
        Range("192.88.99.0/24", "6to4 relays"),
        Range("192.168.0.0/16", "private networks", isNear: true),
        Range("198.18.0.0/15", "measurements", isNear: true),
        Range("198.51.100.0/24", "documentation"),
        Range("203.0.113.0/24", "documentation"),
        Range("224.0.0.0/4", "multicast"),
        Range("255.255.255.255/32", "broadcast"),
        Range("240.0.0.0/4", "nobody yet"),
        // Public by its number, and yet the platform of the machine itself: DNS, DHCP and secrets of Azure's agents.
        Range("168.63.129.16/32", "the host of an Azure machine"),
    ];

    // Only 2000::/3 is given out to hosts; what is special inside it is listed, what lies outside is special in any case.
    private static readonly SpecialRange[] s_ipv6 =
    [
        Range("::/128", "this machine", isNear: true),
        Range("::1/128", "this machine", isNear: true),
        Range("::ffff:0:0:0/96", "IPv4 addresses in translation"),
        Range("::/96", "IPv4 addresses inside IPv6"),
        Range("64:ff9b:1::/48", "translation inside a network", isNear: true),
        Range("100::/64", "discarded packets"),
        Range("100:0:0:1::/64", "dummy prefixes"),
        Range("2001::/32", "Teredo tunnels"),
        Range("2001:db8::/32", "documentation"),
        Range("2001::/23", "protocols"),
        Range("2002::/16", "6to4 tunnels"),
        Range("3fff::/20", "documentation"),
        Range("5f00::/16", "segment routing"),
        Range("fd00:ec2::/32", "the metadata service of a cloud"),
        Range("fd20:ce::/32", "the metadata service of a cloud"),
        Range("fc00::/7", "private networks", isNear: true),
        Range("fe80::/10", "the link"),
        Range("fec0::/10", "sites of old"),
        Range("ff00::/8", "multicast"),
    ];

    private static readonly IPNetwork s_unicast = IPNetwork.Parse("2000::/3");
    private static readonly IPNetwork s_translated = IPNetwork.Parse("64:ff9b::/96");
    private static readonly IPNetwork s_translatedInside = IPNetwork.Parse("64:ff9b:1::/48");
    private static readonly IPNetwork s_compatible = IPNetwork.Parse("::/96");
    private static readonly IPNetwork s_inTranslation = IPNetwork.Parse("::ffff:0:0:0/96");
    private static readonly IPNetwork s_6to4 = IPNetwork.Parse("2002::/16");
    private static readonly IPNetwork s_teredo = IPNetwork.Parse("2001::/32");
    private static readonly SpecialRange s_unassigned = new(IPNetwork.Parse("::/0"), "nobody yet");

    /// <summary>Every range, for documents and tests.</summary>
    public static IReadOnlyList<SpecialRange> All { get; } = [.. s_ipv4, .. s_ipv6];

    /// <summary>The special range an address lies in; null for a public address.</summary>
    public static SpecialRange? Find(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        if (address.AddressFamily == AddressFamily.InterNetwork)
            return Array.Find(s_ipv4, range => range.Network.Contains(address));
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return s_unassigned;

        // A network without IPv4 reaches public IPv4 hosts under this prefix, so it is as public as the address inside it.
        if (s_translated.Contains(address))
            return Find(Ipv4At(address, 12));
        return Array.Find(s_ipv6, range => range.Network.Contains(address)) ?? (s_unicast.Contains(address) ? null : s_unassigned);
    }

    /// <summary>The IPv4 address that a gateway on the way may make of an IPv6 address; null when there is none inside.</summary>
    public static IPAddress? Inside(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return null;
        if (address.IsIPv4MappedToIPv6)
            return address.MapToIPv4();
        if (s_translated.Contains(address) || s_translatedInside.Contains(address) || s_compatible.Contains(address) || s_inTranslation.Contains(address))
            return Ipv4At(address, 12);
        if (s_6to4.Contains(address))
            return Ipv4At(address, 2);
        if (!s_teredo.Contains(address))
            return null;
        // The last four bytes of a Teredo address are its client's address with all bits turned.
        var client = Ipv4At(address, 12).GetAddressBytes();
        return new IPAddress(Array.ConvertAll(client, b => (byte)~b));
    }

    private static IPAddress Ipv4At(IPAddress address, int offset) => new(address.GetAddressBytes().AsSpan(offset, 4));

    private static SpecialRange Range(string network, string purpose, bool isNear = false) => new(IPNetwork.Parse(network), purpose, isNear);
}
