using System.Net;
using Flows.Contracts.Network;

namespace Flows.Tests.Network;

/// <summary>The policy alone, over the whole corpus: no bypass, and no public address refused.</summary>
public sealed class DecidingAboutAddresses
{
    private static readonly NetworkPolicy s_strict = new(new NetworkSettings());

    public static TheoryData<string> Special => [.. AddressCorpus.Special];
    public static TheoryData<string> Disguised => [.. AddressCorpus.Disguised];
    public static TheoryData<string> NoHost => [.. AddressCorpus.NoHost];
    public static TheoryData<string> Public => [.. AddressCorpus.Public];

    private static Task<GuardedStream> ConnectAsync(string host, NetworkSettings? settings = null, params string[] addresses) =>
        new NetworkGate(settings ?? new NetworkSettings(), (_, _) => Task.FromResult(Array.ConvertAll(addresses, IPAddress.Parse)))
            .ConnectAsync(host, 80, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(20));

    [Theory]
    [MemberData(nameof(Special))]
    public async Task A_special_address_is_refused_by_itself_and_behind_a_name(string address)
    {
        var error = await Assert.ThrowsAsync<NetworkRefusedException>(() => ConnectAsync(address));
        Assert.Contains("Flows__Execution__Allow would let it through", error.Message, StringComparison.Ordinal);

        error = await Assert.ThrowsAsync<NetworkRefusedException>(() => ConnectAsync("intern.example", null, address));
        Assert.StartsWith("intern.example:80 must not be reached: it has the address ", error.Message, StringComparison.Ordinal);

        // One wrong record among good ones, wherever it stands.
        await Assert.ThrowsAsync<NetworkRefusedException>(() => ConnectAsync("mixed.example", null, "8.8.8.8", address));
        await Assert.ThrowsAsync<NetworkRefusedException>(() => ConnectAsync("mixed.example", null, address, "2606:4700:4700::1111"));
    }

    [Theory]
    [MemberData(nameof(Disguised))]
    public async Task A_special_address_is_refused_in_every_spelling(string host)
    {
        Assert.NotNull(HostName.Parse(host)?.Address);
        await Assert.ThrowsAsync<NetworkRefusedException>(() => ConnectAsync(host, null, "8.8.8.8"));
    }

    [Theory]
    [MemberData(nameof(NoHost))]
    public async Task What_is_no_host_is_refused_before_anybody_is_asked(string text)
    {
        var gate = new NetworkGate(new NetworkSettings(), (name, _) => throw new InvalidOperationException($"'{name}' was asked for."));
        var error = await Assert.ThrowsAsync<NetworkRefusedException>(() => gate.ConnectAsync(text, 80, CancellationToken.None));
        Assert.EndsWith("is neither a host name nor an address.", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(error.Message, char.IsControl);
    }

    [Theory]
    [MemberData(nameof(Public))]
    public void A_public_address_is_let_through(string address)
    {
        var host = HostName.Parse(address);
        Assert.NotNull(host?.Address);
        Assert.Null(SpecialAddresses.Find(host.Address));
        s_strict.CheckAddress(host, host.Address, 443, s_strict.CheckHost(host, 443));
        var name = HostName.Parse("api.example.com")!;
        s_strict.CheckAddress(name, host.Address, 443, s_strict.CheckHost(name, 443));
    }

    [Fact]
    public void Every_edge_of_every_range_is_special_and_the_corpus_is_as_large_as_it_claims()
    {
        foreach (var range in SpecialAddresses.All)
        {
            Assert.NotNull(SpecialAddresses.Find(range.Network.BaseAddress));
            Assert.NotNull(SpecialAddresses.Find(LastOf(range.Network)));
        }
        Assert.True(AddressCorpus.Special.Length + AddressCorpus.Disguised.Length + AddressCorpus.NoHost.Length >= 150);
    }

    [Theory]
    [InlineData("EXAMPLE.com", "example.com")]
    [InlineData("example.com.", "example.com")]
    [InlineData("ｅｘａｍｐｌｅ．com", "example.com")]
    [InlineData("bücher.example", "xn--bcher-kva.example")]
    [InlineData("_dmarc.example", "_dmarc.example")]
    [InlineData("0xyz.example", "0xyz.example")]
    [InlineData("1.example", "1.example")]
    [InlineData("127.0.0.1.nip.io", "127.0.0.1.nip.io")]
    [InlineData("::FFFF:8.8.8.8", "8.8.8.8")]
    [InlineData("2001:DB8:0:0::1", "2001:db8::1")]
    public void A_host_has_one_spelling(string text, string host) => Assert.Equal(host, HostName.Parse(text)?.Text);

    private static IPAddress LastOf(IPNetwork network)
    {
        var bytes = network.BaseAddress.GetAddressBytes();
        for (var bit = network.PrefixLength; bit < 8 * bytes.Length; bit++)
            bytes[bit / 8] |= (byte)(0x80 >> (bit % 8));
        return new IPAddress(bytes);
    }
}
