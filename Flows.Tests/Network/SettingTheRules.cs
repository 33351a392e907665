using System.Net;
using Flows.Contracts.Network;

namespace Flows.Tests.Network;

/// <summary>Allow, Deny, Ports and the modes.</summary>
public sealed class SettingTheRules
{
    private const string Open = "";

    /// <returns>The reason, or nothing when it is let through.</returns>
    private static string Decide(NetworkSettings settings, string host, int port, string? address)
    {
        var policy = new NetworkPolicy(settings);
        try
        {
            var name = HostName.Parse(host)!;
            policy.CheckAddress(name, name.Address ?? IPAddress.Parse(address!), port, policy.CheckHost(name, port));
            return Open;
        }
        catch (NetworkRefusedException refused)
        {
            return refused.Message;
        }
    }

    [Theory]
    [InlineData("10.1.0.0/16", "10.1.2.3", 80, null, true)]
    [InlineData("10.1.0.0/16", "10.2.2.3", 80, null, false)]
    [InlineData("10.1.0.0/16", "db.internal", 80, "10.1.2.3", true)]
    [InlineData("10.1.0.0/16", "::ffff:10.1.2.3", 80, null, true)]
    [InlineData("10.1.2.3", "10.1.2.3", 80, null, true)]
    [InlineData("10.1.2.3:5432", "10.1.2.3", 5432, null, true)]
    [InlineData("10.1.2.3:5432", "10.1.2.3", 80, null, false)]
    [InlineData("fd00::/8", "fd12::1", 80, null, true)]
    [InlineData("[fd00::/8]:5432", "fd12::1", 5432, null, true)]
    [InlineData("[fd00::/8]:5432", "fd12::1", 80, null, false)]
    [InlineData("[::1]", "::1", 80, null, true)]
    [InlineData("169.254.169.254", "169.254.169.254", 80, null, true)]
    [InlineData("db.internal", "db.internal", 5432, "10.1.2.3", true)]
    [InlineData("db.internal", "DB.INTERNAL.", 5432, "10.1.2.3", true)]
    [InlineData("db.internal:5432", "db.internal", 5432, "10.1.2.3", true)]
    [InlineData("db.internal:5432", "db.internal", 80, "10.1.2.3", false)]
    [InlineData("db.internal", "other.internal", 5432, "10.1.2.3", false)]
    [InlineData("db.internal", "x.db.internal", 5432, "10.1.2.3", false)]
    [InlineData("*.internal", "db.internal", 5432, "10.1.2.3", true)]
    [InlineData("*.internal", "a.b.internal", 5432, "10.1.2.3", true)]
    [InlineData("*.internal", "internal", 5432, "10.1.2.3", false)]
    [InlineData("*.internal", "notinternal", 5432, "10.1.2.3", false)]
    [InlineData("*.internal", "internal.evil.example", 5432, "10.1.2.3", false)]
    [InlineData("bücher.example", "xn--bcher-kva.example", 80, "10.1.2.3", true)]
    [InlineData("a.example, 10.1.0.0/16 ,b.example", "b.example", 80, "192.168.0.1", true)]
    // A name opens near networks, never what is only the cloud's or the link's.
    [InlineData("db.internal", "db.internal", 80, "169.254.169.254", false)]
    [InlineData("db.internal", "db.internal", 80, "fe80::1", false)]
    [InlineData("db.internal", "db.internal", 80, "168.63.129.16", false)]
    [InlineData("db.internal", "db.internal", 80, "fd00:ec2::254", false)]
    [InlineData("db.internal", "db.internal", 80, "224.0.0.1", false)]
    public void Allow_lets_through_what_it_names(string allow, string host, int port, string? address, bool isOpen) =>
        Assert.Equal(isOpen, Decide(new NetworkSettings(Allow: allow), host, port, address) == Open);

    [Theory]
    [InlineData("example.com", "example.com", "8.8.8.8", true)]
    [InlineData("example.com", "www.example.com", "8.8.8.8", false)]
    [InlineData("*.example.com", "www.example.com", "8.8.8.8", true)]
    [InlineData("8.8.8.0/24", "dns.example", "8.8.8.8", true)]
    [InlineData("8.8.8.0/24", "8.8.8.8", null, true)]
    [InlineData("8.8.8.0/24", "134744072", null, true)]
    [InlineData("8.8.8.0/24", "::ffff:8.8.8.8", null, true)]
    [InlineData("8.8.8.0/24", "64:ff9b::808:808", null, true)]
    [InlineData("8.8.8.0/24", "64:ff9b:1::808:808", null, true)]
    [InlineData("8.8.8.0/24", "2002:808:808::1", null, true)]
    [InlineData("8.8.8.0/24", "2001::f7f7:f7f7", null, true)]
    [InlineData("8.8.8.0/24", "::8.8.8.8", null, true)]
    [InlineData("8.8.8.0/24", "8.8.4.4", null, false)]
    [InlineData("8.8.8.8:53", "8.8.8.8", null, false)]
    [InlineData("0.0.0.0/0,::/0", "8.8.8.8", null, true)]
    [InlineData("0.0.0.0/0,::/0", "2606:4700:4700::1111", null, true)]
    public void Deny_wins_in_every_mode(string deny, string host, string? address, bool isDenied)
    {
        foreach (var settings in new[] { new NetworkSettings(NetworkPolicy.Unrestricted, Allow: "*.example.com,example.com,0.0.0.0/0,::/0", Deny: deny), new(Allow: "*.example.com,example.com,0.0.0.0/0,::/0", Deny: deny) })
        {
            var reason = Decide(settings, host, 80, address);
            Assert.True(isDenied == reason.Contains("Flows__Execution__Deny has the entry", StringComparison.Ordinal), reason);
            Assert.Equal(isDenied, reason != Open);
        }
    }

    [Theory]
    [InlineData("80,443,8000-8099", 8000, true)]
    [InlineData("80,443,8000-8099", 8100, false)]
    [InlineData("80", 5432, true)] // by the Allow entry that has the port
    [InlineData("80", 5433, false)]
    [InlineData("", 5433, true)]
    public void Ports_are_those_that_may_be_reached(string ports, int port, bool isOpen)
    {
        var settings = new NetworkSettings(Allow: "db.internal:5432,db.internal", Ports: ports);
        Assert.Equal(isOpen, Decide(settings, "db.internal", port, "10.1.2.3") == Open);
    }

    [Fact]
    public void Unrestricted_reaches_everything_that_is_not_denied()
    {
        foreach (var address in AddressCorpus.Special)
            Assert.Equal(Open, Decide(new NetworkSettings(NetworkPolicy.Unrestricted), address, 80, null));
    }

    [Theory]
    [InlineData("10.0.0.5", null, "10.0.0.5:80 must not be reached: 10.0.0.0/8 is for private networks, not the public internet. Adding '10.0.0.5' to Flows__Execution__Allow would let it through.")]
    [InlineData("db.internal", "10.0.0.5", "db.internal:80 must not be reached: it has the address 10.0.0.5, and 10.0.0.0/8 is for private networks, not the public internet. Adding 'db.internal' or '10.0.0.5' to Flows__Execution__Allow would let it through.")]
    [InlineData("md.internal", "169.254.169.254", "md.internal:80 must not be reached: it has the address 169.254.169.254, and 169.254.0.0/16 is for the link, and the metadata service of clouds, not the public internet. Adding '169.254.169.254' to Flows__Execution__Allow would let it through.")]
    [InlineData("::1", null, "[::1]:80 must not be reached: ::1/128 is for this machine, not the public internet. Adding '::1' to Flows__Execution__Allow would let it through.")]
    public void A_refusal_says_what_why_and_what_would_help(string host, string? address, string message) =>
        Assert.Equal(message, Decide(new NetworkSettings(), host, 80, address));

    [Theory]
    [InlineData("10.0.0.0/33", "has no prefix length of 0 to 32")]
    [InlineData("10.0.0.0/", "has no prefix length of 0 to 32")]
    [InlineData("10.0.0.1/8", "is not the first address of its range; 10.0.0.0/8 is")]
    [InlineData("example.com/8", "is neither a host name nor a range of addresses")]
    [InlineData("http://example.com", "has a port that is none")]
    [InlineData("user@example.com", "is neither a host name nor a range of addresses")]
    [InlineData("*", "has a star inside; only the first part of a name may be one, as in *.example.com")]
    [InlineData("*.1.2.3.4", "has no host name behind the star")]
    [InlineData("example.com:0", "has a port that is none")]
    [InlineData("example.com:x", "has a port that is none")]
    [InlineData("[::1]x", "has a port that is none")]
    [InlineData("[::1", "is neither a host name nor a range of addresses")]
    public void A_rule_that_is_none_is_refused_by_its_name(string entry, string why)
    {
        var error = Assert.Throws<NetworkSettingException>(() => new NetworkPolicy(new NetworkSettings(Allow: entry)));
        Assert.Equal($"Flows__Execution__Allow has the entry '{entry}', which {why}.", error.Message);
    }

    [Fact]
    public void Settings_reach_an_engine_as_they_were_written()
    {
        var settings = new NetworkSettings(NetworkPolicy.Unrestricted, "a.example, 10.0.0.0/8", "b.example", "80,443", 7, 9);
        var arguments = settings.ToArguments();
        var read = new NetworkSettings();
        for (var i = 0; i < arguments.Count; i += 2)
            read = read.TryTake(arguments[i], arguments[i + 1])!;
        Assert.Equal(settings, read);
    }
}
