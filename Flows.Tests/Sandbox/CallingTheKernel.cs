using System.Globalization;
using System.Runtime.InteropServices;
using Flows.Worker.Sandbox.SystemCalls;

namespace Flows.Tests.Sandbox;

/// <summary>A program in a box that makes the system calls itself, each of which the real kernel has to refuse.</summary>
public sealed class CallingTheKernel : IDisposable
{
    private static readonly IReadOnlyList<SystemCall> s_calls = SystemCallList.Load(RuntimeInformation.ProcessArchitecture)!.Calls;
    private readonly BoxUnderTest _box = new();

    [Fact]
    public async Task Every_denied_call_gets_its_error()
    {
        var denied = s_calls.Where(call => call is { Error: not null, Rule: null }).ToList();
        Assert.True(denied.Count > 60);
        var answers = await CallAsync([.. denied.Select(call => (call.Name, call.Number, Array.Empty<long>()))]);
        Assert.Equal(string.Join('\n', denied.Select(call => $"{call.Name} {call.Error}")), answers);
    }

    [Fact]
    public async Task Calls_that_nobody_has_listed_do_not_exist() =>
        Assert.Equal("a 38\nb 38\nc 38", await CallAsync([("a", 600, []), ("b", 1000, []), ("c", 100_000, [])]));

    [Fact]
    public async Task Every_value_that_a_rule_closes_is_refused()
    {
        // Namespaces: mounts, cgroups, host names, IPC, users, processes, networks. Families: netlink, packets, kernel cryptography, vsock, Bluetooth.
        long[] namespaces = [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000];
        long[] families = [16, 17, 38, 40, 31];
        long[] terminal = [0x5412, 0x541C, 0x541D, 0x5423];
        long[] personalities = [0x0040000, 0x0100000, 8];
        var answers = await CallAsync(
        [
            .. namespaces.Select(flag => ("clone", Number("clone"), new[] { flag | 17 })),
            .. families.Select(family => ("socket", Number("socket"), new[] { family, 3 })),
            .. terminal.Select(request => ("ioctl", Number("ioctl"), new[] { 0, request })),
            .. personalities.Select(persona => ("personality", Number("personality"), new[] { persona })),
            ("mknodat", Number("mknodat"), [-100, 0, 0x61A4]),
        ]);
        string[] expected =
        [
            .. namespaces.Select(_ => "clone 1"), .. families.Select(_ => "socket 97"), .. terminal.Select(_ => "ioctl 1"),
            .. personalities.Select(_ => "personality 1"), "mknodat 1",
        ];
        Assert.Equal(string.Join('\n', expected), answers);
    }

    [Fact]
    public async Task A_call_of_the_other_table_kills_the_program()
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64)
            return; // there is no other table
        var output = await _box.RunAsync("perl -e 'syscall(0x40000000 + 39); print \"GOT IN\"'; echo ended with $?");
        Assert.Matches("ended with 159", output); // 128 + SIGSYS
        Assert.DoesNotContain("GOT IN", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_of_32_bits_is_killed()
    {
        // Writes GOT IN with the calls of i386, if it is let.
        const string Program = "7f454c46010101000000000000000000020003000100000054800408340000000000000000000000340020000100280000000000"
            + "01000000000000000080040800800408" + "7a0000007a0000000500000000100000"
            + "b804000000bb01000000b973800408ba07000000cd80b80100000031dbcd80" + "474f5420494e0a";
        var output = await _box.RunAsync($"perl -e 'print pack(\"H*\", \"{Program}\")' > /tmp/p; chmod 755 /tmp/p; /tmp/p; echo ended with $?");
        Assert.Matches("ended with (159|12[67])", output); // killed, or a kernel that knows no such programs
        Assert.DoesNotContain("GOT IN", output, StringComparison.Ordinal);
    }

    public void Dispose() => _box.Dispose();

    private static int Number(string name) => s_calls.Single(call => call.Name == name).Number;

    /// <returns>A line for each call: its name and the error, or GOT IN.</returns>
    private async Task<string> CallAsync(IReadOnlyList<(string Name, int Number, long[] Arguments)> calls)
    {
        var list = string.Join(' ', calls.Select(call => string.Create(CultureInfo.InvariantCulture, $"{call.Name},{call.Number},{string.Join(',', Enumerable.Range(0, 6).Select(i => call.Arguments.ElementAtOrDefault(i)))}")));
        var output = await _box.RunAsync(
            $"perl -e 'for (@ARGV) {{ my ($name, $number, @a) = split /,/; $! = 0; my $r = syscall($number, map {{ $_ + 0 }} @a); print \"$name \", ($r == -1 ? $! + 0 : \"GOT IN\"), \"\\n\" }}' {list}");
        return output.TrimEnd();
    }
}
