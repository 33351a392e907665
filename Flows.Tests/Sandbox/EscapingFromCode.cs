using System.Text.Json;
using Flows.Tests.Worker;

namespace Flows.Tests.Sandbox;

/// <summary>The builders' code with a shell of its own, in every mode that puts it into a box.</summary>
public sealed class EscapingFromCode
{
    private static readonly (string Attempt, string Refusal)[] s_attempts =
    [
        ("cat /etc/shadow", "No such file"),
        ("cat /proc/1/environ | tr '\\0' '\\n' | grep -iE 'token|secret|connection' || echo none", "none"),
        ("cat /proc/1/root/etc/shadow", "Permission denied|No such file"),
        ("cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -i flows__ || echo none", "none"),
        ("unshare --user true", "failed|not permitted"),
        ("mount -t tmpfs none /tmp", "permission denied|must be superuser|not permitted|only root"),
        ("touch /usr/bin/x", "Read-only"),
        ("echo x > /proc/sys/kernel/core_pattern", "Read-only|Permission denied"),
        ("dd if=/dev/zero of=/tmp/big bs=1M count=80", "No space left"),
        ("ls -l /proc/self/fd | grep -cE 'flows-egress|memfd:flows'", "^0"),
        ("cat /proc/net/dev | tail -n +3 | grep -vc 'lo:'", "^0"),
        ("perl -e 'syscall(101,0,0,0,0); print $!+0'", "^(1|14|38)$"),
        ("perl -e 'for (1..2000) { my $p = fork; if (!defined $p) { print \"refused: $!\"; kill 15, @k; exit } if (!$p) { sleep 300; exit } push @k, $p } print \"GOT IN\"'", "refused: Resource temporarily unavailable"),
    ];

    [Theory]
    [InlineData("SANDBOX_CODE_ONLY")]
    [InlineData("SANDBOX_CODE_AND_PROCESS")]
    public async Task A_shell_in_the_box_gets_nowhere(string mode)
    {
        await using var worker = await WorkerUnderTest.StartAsync(EscapedCode.Engine, settings: [("Flows:Execution:Mode", mode), ("Flows:Execution:Processes", "4096"), ("Flows:Execution:MemoryMiB", "4096")]);
        foreach (var (attempt, refusal) in s_attempts)
        {
            var said = (await EscapedCode.RunAsync(worker, $"return sh({JsonSerializer.Serialize(attempt)});")).GetString()!;
            Assert.DoesNotContain("GOT IN", said, StringComparison.Ordinal);
            Assert.True(System.Text.RegularExpressions.Regex.IsMatch(said.Trim(), refusal), $"{attempt} said: {said}");
        }
    }
}
