using System.Net;
using System.Net.Sockets;
using Flows.Worker.Sandbox;
using Microsoft.Extensions.Options;

namespace Flows.Tests.Sandbox;

/// <summary>
/// A hostile program where an engine or the builders' code would be: what it tries, and what it gets to see. Each attempt says <c>GOT IN</c> when it
/// succeeds, so that a refusal is one that was seen.
/// </summary>
public sealed class InsideABox : IDisposable
{
    private readonly BoxUnderTest _box = new();

    [Fact]
    public void This_machine_can_make_boxes() =>
        Assert.Null(new SandboxSupport(Options.Create(new EngineOptions { Path = Path.Combine(BoxUnderTest.Folder, "Flows.Engine") })).Problem);

    [Theory]
    // Who it is.
    [InlineData("id -u", "^61911$")]
    [InlineData("id -G", "^61911$")]
    [InlineData("grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status | grep -v 0000000000000000 | wc -l", "^0$")]
    [InlineData("grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1")]
    [InlineData("grep -E '^Seccomp:' /proc/self/status", "Seccomp:\t2")]
    [InlineData("hostname", "^flows$")]
    [InlineData("ulimit -c", "^0$")]
    [InlineData("env | cut -d= -f1 | sort | tr '\\n' ' '", "^DOTNET_CLI_TELEMETRY_OPTOUT DOTNET_EnableDiagnostics DOTNET_GCHeapHardLimit DOTNET_NOLOGO DOTNET_ROOT DOTNET_TieredPGO DOTNET_gcConcurrent DOTNET_gcServer FLOWS_SCRUB HOME LANG PATH PWD TMPDIR $")]
    // Files of the machine and of the worker.
    [InlineData("cat /etc/passwd && echo GOT IN", "No such file")]
    [InlineData("cat /etc/shadow && echo GOT IN", "No such file")]
    [InlineData("ls /root /home /var /srv /mnt /opt && echo GOT IN", "No such file")]
    [InlineData("ls /run && echo GOT IN", "No such file")]
    [InlineData("ls /sys && echo GOT IN", "No such file")]
    [InlineData("ln -s /etc/shadow /tmp/s && cat /tmp/s && echo GOT IN", "No such file")]
    [InlineData("touch /usr/bin/x && echo GOT IN", "Read-only file system")]
    [InlineData("touch \"$ENGINE/x\" && echo GOT IN", "Read-only file system")]
    [InlineData("touch /x && echo GOT IN", "Read-only file system")]
    [InlineData("ln \"$ENGINE/Flows.Engine.dll\" /tmp/l && echo GOT IN", "cross-device|Invalid|not permitted")]
    [InlineData("touch /dev/x && echo GOT IN", "Read-only file system")]
    [InlineData("dd if=/dev/zero of=/tmp/big bs=1M count=80 && echo GOT IN", "No space left")]
    [InlineData("dd if=/dev/zero of=/dev/shm/big bs=1M count=32 && echo GOT IN", "No space left")]
    // Devices and the kernel.
    [InlineData("ls /dev/mem /dev/kmem /dev/sda /dev/vda /dev/kvm /dev/fuse && echo GOT IN", "No such file")]
    [InlineData("mknod /tmp/disk b 8 0 && echo GOT IN", "not permitted")]
    [InlineData("echo x > /proc/sys/kernel/core_pattern && echo GOT IN", "Read-only file system|Permission denied")]
    [InlineData("echo 1 > /proc/sysrq-trigger && echo GOT IN", "Read-only file system|Permission denied|nonexistent")]
    [InlineData("head -c 1 /proc/kcore && echo GOT IN", "Permission denied|not permitted|No such file")]
    [InlineData("dmesg && echo GOT IN", "not permitted|Permission denied|not found")]
    // Namespaces and privileges of its own.
    [InlineData("unshare --user true && echo GOT IN", "failed|not permitted")]
    [InlineData("unshare --net true && echo GOT IN", "failed|not permitted")]
    [InlineData("unshare --mount true && echo GOT IN", "failed|not permitted")]
    [InlineData("mount -t tmpfs none /tmp && echo GOT IN", "permission denied|must be superuser|not permitted|only root")]
    [InlineData("mount -o remount,rw /usr && echo GOT IN", "permission denied|must be superuser|not permitted|only root")]
    [InlineData("umount /proc && echo GOT IN", "No such file|permission denied|must be superuser|not permitted|only root")]
    [InlineData("chroot / true && echo GOT IN", "not permitted|Operation")]
    [InlineData("su -c 'echo GOT IN' root < /dev/null", "su:|Authentication|user root does not exist|cannot")]
    [InlineData("setpriv --reuid 0 echo GOT IN", "not permitted|Operation|setresuid")]
    [InlineData("setpriv --bounding-set +all grep CapBnd /proc/self/status", "CapBnd:\t0000000000000000|not permitted|unsupported")]
    [InlineData("nsenter -t 1 -n true && echo GOT IN", "not permitted|Permission denied|reassociate")]
    [InlineData("chown 0 /tmp && echo GOT IN", "not permitted|Invalid argument")]
    // Other processes.
    [InlineData("ls /proc | grep -c '^[0-9]'", "^[1-6]$")]
    [InlineData("kill -9 1; sleep 0.1; echo still here", "still here")]
    [InlineData("cat /proc/1/environ | tr '\\0' '\\n' | grep -iE 'token|connection|secret|key' && echo GOT IN; echo none", "none")]
    [InlineData("ls -l /proc/self/fd | grep -cE 'socket|/work|/root|/home'", "^0$")]
    [InlineData("cat /proc/1/root/etc/shadow && echo GOT IN", "Permission denied|No such file")]
    [InlineData("ls -l /proc/1/fd | grep -c 'memfd'", "^0$")]
    [InlineData("perl -e 'open(my $m, q(+<), q(/proc/1/mem)) and sysseek($m, 0x400000, 0) and sysread($m, my $b, 1) and print q(GOT IN)'; echo no more", "no more")]
    // The limits.
    [InlineData("ulimit -n 8192 && echo GOT IN", "not permitted|exceed")]
    [InlineData("prlimit --nproc=100000:100000 && echo GOT IN", "not permitted|failed")]
    [InlineData("perl -e 'for (1..9000) { open(my $f, q(<), q(/dev/null)) or do { print qq(refused: $!); exit }; push @all, $f } print q(GOT IN)'", "refused: Too many open files")]
    [InlineData("perl -e 'for (1..5000) { my $p = fork; if (!defined $p) { print qq(refused: $!); kill 15, @all; exit } if (!$p) { sleep 300; exit } push @all, $p } print q(GOT IN)'", "refused: Resource temporarily unavailable")]
    [InlineData("(truncate -s 2G /tmp/x && echo GOT IN); echo no more", "File size limit|File too large|no more")]
    [InlineData("(echo -1000 > /proc/self/oom_score_adj) && echo GOT IN", "Permission denied|Read-only|I/O error")]
    [InlineData("echo x > /proc/sys/kernel/hostname && echo GOT IN", "Read-only|Permission denied")]
    [InlineData("echo 1 > /proc/sys/vm/drop_caches && echo GOT IN", "Read-only|Permission denied")]
    [InlineData("echo 0 > /proc/sys/kernel/yama/ptrace_scope && echo GOT IN", "Read-only|Permission denied|nonexistent|No such file")]
    [InlineData("perl -MSocket -e 'socket(S, AF_INET, SOCK_RAW, 1) and print q(GOT IN); print qq(refused: $!)'", "refused: (Operation not permitted|Permission denied|Protocol not supported)")]
    [InlineData("cp /bin/sh /tmp/sh; chmod 4755 /tmp/sh; /tmp/sh -p -c 'id -u'", "^61911$")]
    // The network.
    [InlineData("cat /proc/net/dev | tail -n +3 | grep -v 'lo:' | wc -l", "^0$")]
    [InlineData("cat /proc/net/unix | tail -n +2 | wc -l", "^0$")]
    public async Task An_attempt_is_refused(string script, string seen)
    {
        var output = await _box.RunAsync(script);
        Assert.DoesNotContain("GOT IN", output, StringComparison.Ordinal);
        Assert.Matches("(?m)" + seen, output);
    }

    [Fact]
    public async Task A_server_of_the_machine_cannot_be_reached()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var script = $"node -e \"require('net').connect({port}, '127.0.0.1').on('connect', () => console.log('GOT IN')).on('error', e => console.log(e.code))\"";
        Assert.Equal("ECONNREFUSED", (await _box.RunAsync(script)).Trim());
        Assert.False(listener.Pending());

        var lookup = "node -e \"require('dns').lookup('localhost.example.com', e => console.log(e ? 'refused' : 'GOT IN'))\"";
        Assert.Equal("refused", (await _box.RunAsync(lookup)).Trim());
    }

    [Fact]
    public async Task Two_boxes_see_neither_each_other_nor_the_machine()
    {
        var file = Path.Combine(Path.GetTempPath(), $"flows-host-{Guid.CreateVersion7():N}");
        await File.WriteAllTextAsync(file, "of the machine");
        Assert.DoesNotContain("GOT IN", await _box.RunAsync($"cat {file} && echo GOT IN"), StringComparison.Ordinal);
        File.Delete(file);

        var first = _box.RunAsync("echo mine > /tmp/secret; sleep 2; ls /proc | grep -c '^[0-9]'");
        var second = await _box.RunAsync("sleep 0.5; cat /tmp/secret && echo GOT IN; ls /proc | grep -c '^[0-9]'");
        Assert.DoesNotContain("GOT IN", second, StringComparison.Ordinal);
        Assert.Matches("(?m)^[1-6]$", second);
        Assert.Matches("(?m)^[1-6]$", await first);
    }

    [Fact]
    public async Task What_a_box_has_started_dies_with_it()
    {
        var child = await _box.StartAsync("setsid sleep 300 & setsid sleep 300 & echo started; wait");
        var buffer = new byte[16];
        await child.Output.ReadAsync(buffer).AsTask().WaitAsync(TimeSpan.FromSeconds(20));
        child.Kill();
        await child.Exited.WaitAsync(TimeSpan.FromSeconds(20));
        await child.DisposeAsync();
        // Sleeps of that length are this test's own: nobody else's processes have the box's user.
        await Worker.ChildProbe.UntilAsync(() => !Directory.EnumerateDirectories("/proc").Any(IsOurSleep), "a process of the box lives on");
    }

    public void Dispose() => _box.Dispose();

    private static bool IsOurSleep(string folder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, "cmdline")).StartsWith("sleep\0300", StringComparison.Ordinal)
                && File.ReadAllText(Path.Combine(folder, "status")).Contains("61911", StringComparison.Ordinal);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
