using System.Globalization;
using System.Net;

namespace Flows.Contracts.Network;

/// <summary>
/// What may be reached from a flow, and by the API on a flow's behalf. It decides about hosts and addresses and opens nothing itself:
/// <see cref="NetworkGate"/> asks it about the host before it resolves the name, and about every address before it connects to one.
/// Deny wins over everything; then Allow; then, in STRICT, only public addresses are left.
/// </summary>
public sealed class NetworkPolicy
{
    public const string Strict = "STRICT";
    public const string Unrestricted = "UNRESTRICTED";

    private readonly bool _isStrict;
    private readonly IReadOnlyList<NetworkRule> _allow;
    private readonly IReadOnlyList<NetworkRule> _deny;
    private readonly List<(int First, int Last)> _ports;
    private readonly string _portsText;

    /// <exception cref="NetworkSettingException">A setting cannot be understood; the message names it.</exception>
    public NetworkPolicy(NetworkSettings settings)
    {
        _isStrict = settings.Mode switch
        {
            Strict => true,
            Unrestricted => false,
            _ => throw new NetworkSettingException(NetworkSettings.ModeVariable, $"is '{settings.Mode}'; it may be {Strict} or {Unrestricted}."),
        };
        _allow = NetworkRule.ParseList(settings.Allow, NetworkSettings.AllowVariable);
        _deny = NetworkRule.ParseList(settings.Deny, NetworkSettings.DenyVariable);
        _ports = PortsOf(settings.Ports);
        _portsText = settings.Ports;
    }

    /// <summary>Whether the host may be asked for at all: before its name is resolved. A literal address is checked like any other, afterwards.</summary>
    /// <returns>The Allow entry that names the host: then it may have near addresses. Null when there is none.</returns>
    /// <exception cref="NetworkRefusedException"/>
    public NetworkRule? CheckHost(HostName host, int port)
    {
        if (port is <= 0 or > 65535)
            throw new NetworkRefusedException($"{host} cannot be reached: {port} is not a port.");
        if (_deny.FirstOrDefault(rule => rule.Names(host, port)) is { } denied)
            throw Denied($"{Shown(host, port)} must not be reached:", denied);
        return _allow.FirstOrDefault(rule => rule.Names(host, port));
    }

    /// <summary>Whether an address may be connected to. <paramref name="host"/> is what it is the address of.</summary>
    /// <param name="named">What <see cref="CheckHost"/> has found.</param>
    /// <exception cref="NetworkRefusedException"/>
    public void CheckAddress(HostName host, IPAddress address, int port, NetworkRule? named)
    {
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        var what = $"{Shown(host, port)} must not be reached:" + (host.Address is null ? $" it has the address {address}, and" : "");
        // An address that a gateway turns into another one is denied with the other one.
        var inside = SpecialAddresses.Inside(address);
        if ((Covering(_deny, address, port) ?? (inside is null ? null : Covering(_deny, inside, port))) is { } denied)
            throw Denied(what, denied);

        var allowed = Covering(_allow, address, port);
        if (_ports.Count > 0 && !_ports.Any(range => port >= range.First && port <= range.Last) && named?.Port != port && allowed?.Port != port)
            throw new NetworkRefusedException($"{Shown(host, port)} must not be reached: {NetworkSettings.PortsVariable} is '{_portsText}', which does not have the port {port}.");

        if (!_isStrict || allowed is not null || SpecialAddresses.Find(address) is not { } special || (named is not null && special.IsNear))
            return;
        var opener = host.Address is null && special.IsNear ? $"'{host}' or '{address}'" : $"'{address}'";
        throw new NetworkRefusedException(
            $"{what} {special} is for {special.Purpose}, not the public internet. Adding {opener} to {NetworkSettings.AllowVariable} would let it through.");
    }

    /// <summary>Host and port in words.</summary>
    public static string Shown(HostName host, int port) =>
        string.Create(CultureInfo.InvariantCulture, $"{(host.Text.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host.Text)}:{port}");

    private static NetworkRule? Covering(IReadOnlyList<NetworkRule> rules, IPAddress address, int port) => rules.FirstOrDefault(rule => rule.Covers(address, port));

    private static NetworkRefusedException Denied(string what, NetworkRule rule) =>
        new($"{what} {NetworkSettings.DenyVariable} has the entry '{rule}'.");

    private static List<(int First, int Last)> PortsOf(string text)
    {
        var ports = new List<(int, int)>();
        foreach (var entry in text.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries))
        {
            var dash = entry.IndexOf('-', StringComparison.Ordinal);
            var first = PortOf(dash < 0 ? entry : entry[..dash]);
            var last = PortOf(dash < 0 ? entry : entry[(dash + 1)..]);
            if (first is not { } from || last is not { } to || from > to)
                throw new NetworkSettingException(NetworkSettings.PortsVariable, $"has the entry '{entry}', which is neither a port nor a range such as 8000-8099.");
            ports.Add((from, to));
        }
        return ports;
    }

    private static int? PortOf(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= 65535 ? port : null;
}
