using Flows.Contracts.Runs;
using Flows.Worker.Egress;
using Flows.Worker.Sandbox;

namespace Flows.Tests.Network;

/// <summary>
/// The system's own resolver, pointed at a name server that lies: the engine that is delivered runs where <c>/etc/resolv.conf</c> names it. No answer of any kind
/// leads inside. What the engine asks with is what the worker's broker and the API ask with: the one <c>NetworkGate</c>.
/// </summary>
public sealed class AskingAHostileNameServer : IAsyncLifetime
{
    private const string Public = InsideAndOutside.Outside, Inside = "127.0.0.1";
    private const string Answered = "answered", Refused = "network_refused", Failed = "network", Either = "answered or refused or failed";

    private readonly string _folder = Directory.CreateTempSubdirectory("flows-resolver-").FullName;
    private InsideAndOutside _servers = null!;

    public async Task InitializeAsync() => _servers = await InsideAndOutside.StartAsync();

    public async Task DisposeAsync()
    {
        await _servers.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static readonly Dictionary<string, (string Expected, Func<DnsQuestion, IEnumerable<(TimeSpan, byte[])>> Answers)> s_zone = new()
    {
        // What any server says.
        ["honest"] = (Answered, ask => Now(ask.Addresses(Public))),
        ["honest-chain"] = (Answered, ask => Now(ask.Chain(["a.example", "b.example", "c.example"], Public))),
        ["inside"] = (Refused, ask => Now(ask.Addresses(Inside))),
        ["private"] = (Refused, ask => Now(ask.Addresses("10.0.0.5"))),
        ["metadata"] = (Refused, ask => Now(ask.Addresses("169.254.169.254"))),
        ["nothing"] = (Refused, ask => Now(ask.Addresses("0.0.0.0"))),
        // More than one record.
        ["mixed-last"] = (Refused, ask => Now(ask.Addresses(Public, Inside))),
        ["mixed-first"] = (Refused, ask => Now(ask.Addresses(Inside, Public))),
        ["mixed-six"] = (Refused, ask => Now(ask.Addresses(Public, "::1"))),
        ["mixed-mapped"] = (Refused, ask => Now(ask.Addresses(Public, "::ffff:127.0.0.1"))),
        ["mixed-unique"] = (Refused, ask => Now(ask.Addresses(Public, "fd00::1"))),
        ["mixed-nat64"] = (Refused, ask => Now(ask.Addresses(Public, "64:ff9b::7f00:1"))),
        ["mixed-6to4"] = (Refused, ask => Now(ask.Addresses(Public, "2002:7f00:1::"))),
        ["other-family"] = (Refused, ask => Now(ask.Addresses(ask.Type == DnsQuestion.A ? Public : "::1"))),
        // Too much.
        ["huge-public"] = (Answered, ask => Huge(ask, Public)),
        ["huge-inside-last"] = (Refused, ask => Huge(ask, Inside)),
        ["huge-datagram"] = (Either, ask => Now(ask.Addresses([.. Enumerable.Repeat(Public, 200), Inside]))),
        // Chains.
        ["chain-inside"] = (Refused, ask => Now(ask.Chain(["a.example", "b.example", "c.example"], Inside))),
        ["chain-long-inside"] = (Refused, ask => Now(ask.Chain([.. Enumerable.Range(0, 12).Select(i => $"c{i}.example")], Inside))),
        ["chain-localhost"] = (Refused, ask => Now(ask.Chain(["localhost"], Inside))),
        ["chain-numbers"] = (Refused, ask => Now(ask.Chain(["127.0.0.1"], Inside))),
        ["chain-itself"] = (Failed, ask => Now(ask.Chain(["chain-itself.flows.example"], null))),
        ["chain-nowhere"] = (Failed, ask => Now(ask.Chain(["a.example"], null))),
        ["stranger"] = (Failed, ask => Now(ask.Packet([("other.example", DnsQuestion.A, [127, 0, 0, 1])]))),
        // Somebody else answers first, or too late.
        ["wrong-id-inside"] = (Answered, ask => Now((ask with { Id = (ushort)(ask.Id ^ 1) }).Addresses(Inside), ask.Addresses(Public))),
        ["wrong-id-public"] = (Refused, ask => Now((ask with { Id = (ushort)(ask.Id ^ 1) }).Addresses(Public), ask.Addresses(Inside))),
        ["wrong-question"] = (Answered, ask => Now((ask with { Asked = [.. DnsQuestion.NameOf("other.example"), 0, 1, 0, 1] }).Addresses(Inside), ask.Addresses(Public))),
        ["twice"] = (Answered, ask => Now(ask.Addresses(Public), ask.Addresses(Inside))),
        ["twice-turned"] = (Refused, ask => Now(ask.Addresses(Inside), ask.Addresses(Public))),
        ["late-inside"] = (Either, ask => ask.Turn == 0 ? After(1.2, ask.Addresses(Inside)) : Now(ask.Addresses(Public))),
        ["late-public"] = (Either, ask => ask.Turn == 0 ? After(1.2, ask.Addresses(Public)) : Now(ask.Addresses(Inside))),
        ["silent"] = (Failed, _ => []),
        // No answers at all.
        ["garbage"] = (Failed, ask => Now([.. BitConverter.GetBytes(ask.Id), .. "this is no answer of a name server"u8])),
        ["empty"] = (Failed, _ => Now([])),
        ["short-record"] = (Either, ask => Now(ask.Packet([(ask.Name, ask.Type, [127, 0])]))),
        ["long-record"] = (Either, ask => Now(ask.Packet([(ask.Name, ask.Type, [127, 0, 0, 1, 127, 0, 0, 1, 1])]))),
        ["endless-name"] = (Failed, ask => Now([.. ask.Packet([(ask.Name, DnsQuestion.Alias, [0xC0, (byte)(12 + ask.Asked.Length + DnsQuestion.NameOf(ask.Name).Length + 10)])])])),
        ["lying-count"] = (Either, ask => Now(WithCount(ask.Addresses(Public), 40))),
    };

    [NameServerFact]
    public async Task No_answer_of_any_kind_leads_inside()
    {
        await using var names = new HostileNameServer(ask => s_zone.TryGetValue(ask.Name.Split('.')[0], out var entry) && ask.Name.EndsWith(".flows.example", StringComparison.Ordinal)
            ? entry.Answers(ask) : Now(ask.Addresses()));
        await using var engine = await EngineAsync();

        var wrong = new List<string>();
        foreach (var (label, (expected, _)) in s_zone)
        {
            var outcome = await engine.GetAsync($"http://{label}.flows.example:{_servers.Port}/close");
            var got = outcome.Status == RunStatus.Succeeded ? Answered : outcome.Error!.Code;
            Assert.True(names.AskedFor($"{label}.flows.example") > 0, $"{label}: nobody was asked");
            Assert.True(_servers.InsideConnections == 0, $"{label}: it has been inside");
            if (got != expected && expected != Either)
                wrong.Add($"{label}: {got}, not {expected} ({outcome.Error?.Message})");
        }
        Assert.Empty(wrong);
    }

    [NameServerFact]
    public async Task A_name_that_turns_around_after_every_answer_never_leads_inside()
    {
        // TTL 0: every question is asked again. Which of the two answers comes first is the attacker's.
        await using var names = new HostileNameServer(ask => Now(ask.Addresses((ask.Turn + (ask.Name[0] == 'a' ? 0 : 1)) % 2 == 0 ? Public : Inside)));
        await using var engine = await EngineAsync();

        var answered = 0;
        for (var i = 0; i < 100; i++)
        {
            var outcome = await engine.GetAsync($"http://{(i % 2 == 0 ? "a" : "b")}.rebind.example:{_servers.Port}/close");
            if (outcome.Status == RunStatus.Succeeded)
                answered++;
            else
                Assert.Equal(Refused, outcome.Error!.Code);
        }
        Assert.Equal((0, 50), (_servers.InsideConnections, answered));
        Assert.True(names.AskedFor("a.rebind.example") + names.AskedFor("b.rebind.example") >= 100);
    }

    /// <summary>The engine with the machine's network, but with a resolv.conf of its own: in a mount namespace, so that the machine's stays as it is.</summary>
    private async Task<EngineUnderTest> EngineAsync()
    {
        var resolver = Path.Combine(_folder, "resolv.conf");
        await File.WriteAllTextAsync(resolver, $"nameserver {HostileNameServer.Address}\noptions timeout:1 attempts:2\n");
        return await EngineUnderTest.StartAsync(new EngineEgress(
            ["bwrap", "--dev-bind", "/", "/", "--ro-bind", resolver, "/etc/resolv.conf", "--die-with-parent", "--"], ["--network", "STRICT", "--allow", Public]));
    }

    // Over UDP it is cut off, so that the resolver comes back over TCP.
    private static IEnumerable<(TimeSpan, byte[])> Huge(DnsQuestion ask, string last)
    {
        var whole = ask.Addresses([.. Enumerable.Range(0, 1_000).Select(_ => Public), last]);
        return Now(ask.IsTcp || ask.Type != DnsQuestion.A ? whole : DnsQuestion.Cut(whole));
    }

    private static byte[] WithCount(byte[] packet, byte count)
    {
        packet[7] = count;
        return packet;
    }

    private static IEnumerable<(TimeSpan, byte[])> Now(params byte[][] packets) => packets.Select(packet => (TimeSpan.Zero, packet));

    private static IEnumerable<(TimeSpan, byte[])> After(double seconds, byte[] packet) => [(TimeSpan.FromSeconds(seconds), packet)];
}

/// <summary>Left out, with the reason, where the tests may not be a name server or give a program a resolv.conf of its own.</summary>
internal sealed class NameServerFactAttribute : FactAttribute
{
    public NameServerFactAttribute() => Skip = HostileNameServer.Lack ?? (LaunchCommand.FindInPath("bwrap") is null ? "bubblewrap is not installed." : null);
}
