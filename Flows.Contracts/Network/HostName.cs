using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Flows.Contracts.Network;

/// <summary>
/// The host that a flow names, in one spelling: a lower-case ASCII name without a final dot, or an address. Every way of writing an IPv4
/// address that some resolver takes for one (decimal, octal, hexadecimal, fewer than four parts, full-width characters) becomes that address,
/// so that no rule is passed by under another spelling. The reading is that of the WHATWG URL standard, section "host parsing".
/// </summary>
/// <param name="Text">The name, or the address in its usual spelling.</param>
/// <param name="Address">Null for a name. An IPv4 address that is mapped into IPv6 is given as the IPv4 address.</param>
public sealed record HostName(string Text, IPAddress? Address)
{
    private const int LongestName = 253;
    private const int LongestLabel = 63;
    private const long TooLarge = 1L << 40;

    /// <summary>Reads a host, or says no to what can be none: user names, ports, paths, zones and blanks are no part of one.</summary>
    /// <returns>Null when it is not a host.</returns>
    public static HostName? Parse(string text)
    {
        if (text.Length is 0 or > 4 * LongestName)
            return null;
        if (text[0] == '[')
            return text[^1] == ']' && text.Contains(':', StringComparison.Ordinal) ? AddressOf(text[1..^1]) : null;
        if (text.Contains(':', StringComparison.Ordinal))
            return AddressOf(text);

        if (ToAscii(text) is not { } name)
            return null;
        if (name.EndsWith('.'))
            name = name[..^1];
        if (name.Length is 0 or > LongestName || name.Split('.').Any(label => label.Length is 0 or > LongestLabel))
            return null;
        return EndsInNumber(name)
            ? Ipv4(name) is { } address ? Of(address) : null
            : new HostName(name, Address: null);
    }

    /// <summary>An address as a host.</summary>
    public static HostName Of(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return new HostName(plain.ToString(), plain);
    }

    public override string ToString() => Text;

    // A zone ("%eth0") chooses the interface of this machine: that is no flow's affair.
    private static HostName? AddressOf(string text) =>
        !text.Contains('%', StringComparison.Ordinal) && !text.Contains('[', StringComparison.Ordinal) && !text.Contains(']', StringComparison.Ordinal)
            && IPAddress.TryParse(text, out var address) && address.AddressFamily == AddressFamily.InterNetworkV6
            ? Of(address)
            : null;

    /// <summary>Lower case, full-width characters and dots as the ASCII ones, other scripts in Punycode; null for what no name has.</summary>
    private static string? ToAscii(string text)
    {
        var plain = string.Create(text.Length, text, (to, from) =>
        {
            for (var i = 0; i < from.Length; i++)
            {
                to[i] = from[i] switch
                {
                    '\u3002' or '\uFF0E' or '\uFF61' => '.',
                    >= '\uFF01' and <= '\uFF5E' => char.ToLowerInvariant((char)(from[i] - 0xFEE0)),
                    var other => char.ToLowerInvariant(other),
                };
            }
        });
        if (plain.All(char.IsAscii))
            return plain.All(IsNameCharacter) ? plain : null;

        // Digits in circles, in bold or of other scripts: some resolvers read them as 0 to 9, and no host needs them.
        if (plain.EnumerateRunes().Any(rune => !rune.IsAscii && char.IsNumber(rune.ToString(), 0)))
            return null;
        try
        {
            var ascii = new IdnMapping().GetAscii(plain).ToLowerInvariant();
            return ascii.All(IsNameCharacter) ? ascii : null;
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    // The underscore is in no host name by the book, and in many by habit.
    private static bool IsNameCharacter(char c) => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_';

    private static bool EndsInNumber(string name)
    {
        var last = name[(name.LastIndexOf('.') + 1)..];
        return last.All(char.IsAsciiDigit) || NumberOf(last) is not null;
    }

    /// <summary>One to four numbers; the last one fills all bytes that are left. Null when it is no address: then it is no name either.</summary>
    private static IPAddress? Ipv4(string name)
    {
        var parts = name.Split('.');
        if (parts.Length > 4)
            return null;
        long value = 0;
        for (var i = 0; i < parts.Length; i++)
        {
            var isLast = i == parts.Length - 1;
            var bits = isLast ? 8 * (5 - parts.Length) : 8;
            if (NumberOf(parts[i]) is not { } number || number >= 1L << bits)
                return null;
            value = (value << bits) | number;
        }
        return new IPAddress([(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value]);
    }

    private static long? NumberOf(string part)
    {
        var (digits, radix) = part switch
        {
            ['0', 'x', .. var hex] => (hex, 16),
            ['0', .. { Length: > 0 } octal] => (octal, 8),
            _ => (part, 10),
        };
        long value = 0;
        foreach (var c in digits)
        {
            var digit = char.IsAsciiHexDigit(c) ? Convert.ToInt32(c.ToString(), 16) : 16;
            if (digit >= radix)
                return null;
            // A number that is too large for an address is still no name.
            value = Math.Min((value * radix) + digit, TooLarge);
        }
        return part.Length == 0 ? null : value;
    }
}
