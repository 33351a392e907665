using System.Text.RegularExpressions;

namespace Flows.Tests.Sandbox;

/// <summary>
/// What a hostile program tries: shell scripts that say <c>GOT IN</c> when they succeed, each with what is seen of its refusal. They are run in a box by itself, by code
/// steps, and by an engine. $ENGINE is the folder that the box shows, $HOST the id of the worker's process.
/// </summary>
internal static class EscapeCorpus
{
    public static IReadOnlyList<(string Script, string Seen)> Attempts { get; } =
    [
        // Who it is.
        ("id -u", "^61911$"),
        ("id -G", "^61911$"),
        ("grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status | grep -v 0000000000000000 | wc -l", "^0$"),
        ("grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1"),
        ("grep -E '^Seccomp:' /proc/self/status", "Seccomp:\t2"),
        ("hostname", "^flows$"),
        ("ulimit -c", "^0$"),
        ("env | cut -d= -f1 | sort | tr '\\n' ' '", "^DOTNET_CLI_TELEMETRY_OPTOUT DOTNET_EnableDiagnostics DOTNET_GCHeapHardLimit DOTNET_NOLOGO DOTNET_ROOT DOTNET_TieredPGO DOTNET_gcConcurrent DOTNET_gcServer FLOWS_SCRUB HOME LANG PATH PWD TMPDIR $"),
        // Files of the machine and of the worker.
        ("cat /etc/passwd && echo GOT IN", "No such file"),
        ("cat /etc/shadow && echo GOT IN", "No such file"),
        ("ls /root /home /var /srv /mnt /opt && echo GOT IN", "No such file"),
        ("ls /run && echo GOT IN", "No such file"),
        ("ls /sys && echo GOT IN", "No such file"),
        ("ln -s /etc/shadow /tmp/s && cat /tmp/s && echo GOT IN", "No such file"),
        ("touch /usr/bin/x && echo GOT IN", "Read-only file system"),
        ("touch \"$ENGINE/x\" && echo GOT IN", "Read-only file system"),
        ("touch /x && echo GOT IN", "Read-only file system"),
        ("ln \"$(find \"$ENGINE\" -maxdepth 1 -type f | head -1)\" /tmp/l && echo GOT IN", "cross-device|Invalid|not permitted"),
        ("touch /dev/x && echo GOT IN", "Read-only file system"),
        ("dd if=/dev/zero of=/tmp/big bs=1M count=80 && echo GOT IN", "No space left"),
        ("dd if=/dev/zero of=/dev/shm/big bs=1M count=32 && echo GOT IN", "No space left"),
        // Devices and the kernel.
        ("ls /dev/mem /dev/kmem /dev/sda /dev/vda /dev/kvm /dev/fuse && echo GOT IN", "No such file"),
        ("mknod /tmp/disk b 8 0 && echo GOT IN", "not permitted"),
        ("echo x > /proc/sys/kernel/core_pattern && echo GOT IN", "Read-only file system|Permission denied"),
        ("echo 1 > /proc/sysrq-trigger && echo GOT IN", "Read-only file system|Permission denied|nonexistent"),
        ("head -c 1 /proc/kcore && echo GOT IN", "Permission denied|not permitted|No such file"),
        ("dmesg && echo GOT IN", "not permitted|Permission denied|not found"),
        // Namespaces and privileges of its own.
        ("unshare --user true && echo GOT IN", "failed|not permitted"),
        ("unshare --net true && echo GOT IN", "failed|not permitted"),
        ("unshare --mount true && echo GOT IN", "failed|not permitted"),
        ("mount -t tmpfs none /tmp && echo GOT IN", "permission denied|must be superuser|not permitted|only root"),
        ("mount -o remount,rw /usr && echo GOT IN", "permission denied|must be superuser|not permitted|only root"),
        ("umount /proc && echo GOT IN", "No such file|permission denied|must be superuser|not permitted|only root"),
        ("chroot / true && echo GOT IN", "not permitted|Operation"),
        ("su -c 'echo GOT IN' root < /dev/null", "su:|Authentication|user root does not exist|cannot"),
        ("setpriv --reuid 0 echo GOT IN", "not permitted|Operation|setresuid"),
        ("setpriv --bounding-set +all grep CapBnd /proc/self/status", "CapBnd:\t0000000000000000|not permitted|unsupported"),
        ("nsenter -t 1 -n true && echo GOT IN", "not permitted|Permission denied|reassociate"),
        ("chown 0 /tmp && echo GOT IN", "not permitted|Invalid argument"),
        // Other processes.
        ("ls /proc | grep -c '^[0-9]'", "^[1-6]$"),
        ("kill -9 1; sleep 0.1; echo still here", "still here"),
        ("cat /proc/1/environ | tr '\\0' '\\n' | grep -iE 'token|connection|secret|key' && echo GOT IN; echo none", "none"),
        ("ls /proc/self/fd | tr '\\n' ' '", "^0 1 2 3 $"), // the fourth is the folder that ls reads
        ("ls -l /proc/self/fd | grep -cE 'memfd|flows|/work|/root|/home'", "^0$"),
        ("cat /proc/1/root/etc/shadow && echo GOT IN", "Permission denied|No such file"),
        ("ls -l /proc/1/fd | grep -c 'memfd'", "^0$"),
        ("perl -e 'open(my $m, q(+<), q(/proc/1/mem)) and sysseek($m, 0x400000, 0) and sysread($m, my $b, 1) and print q(GOT IN)'; echo no more", "no more"),
        // The limits.
        ("ulimit -n 8192 && echo GOT IN", "not permitted|exceed"),
        ("prlimit --nproc=100000:100000 && echo GOT IN", "not permitted|failed"),
        ("perl -e 'for (1..9000) { open(my $f, q(<), q(/dev/null)) or do { print qq(refused: $!); exit }; push @all, $f } print q(GOT IN)'", "refused: Too many open files"),
        ("(truncate -s 2G /tmp/x && echo GOT IN); echo no more", "File size limit|File too large|no more"),
        ("(echo -1000 > /proc/self/oom_score_adj) && echo GOT IN", "Permission denied|Read-only|I/O error"),
        ("echo x > /proc/sys/kernel/hostname && echo GOT IN", "Read-only|Permission denied"),
        ("echo 1 > /proc/sys/vm/drop_caches && echo GOT IN", "Read-only|Permission denied"),
        ("echo 0 > /proc/sys/kernel/yama/ptrace_scope && echo GOT IN", "Read-only|Permission denied|nonexistent|No such file"),
        ("perl -MSocket -e 'socket(S, AF_INET, SOCK_RAW, 1) and print q(GOT IN); print qq(refused: $!)'", "refused: (Operation not permitted|Permission denied|Protocol not supported)"),
        ("cp /bin/sh /tmp/sh; chmod 4755 /tmp/sh; /tmp/sh -p -c 'id -u'", "^61911$"),
        // The network.
        ("cat /proc/net/dev | tail -n +3 | grep -v 'lo:' | wc -l", "^0$"),
        ("cat /proc/net/unix | tail -n +2 | grep -c '[/@]'", "^0$"),
        ("perl -MIO::Socket::INET -e 'IO::Socket::INET->new(PeerAddr => q(1.1.1.1:80), Timeout => 5) and print q(GOT IN); print qq(refused: $@)'", "refused: .*(Network is unreachable|Invalid argument)"),
        ("perl -MIO::Socket::INET -e 'IO::Socket::INET->new(PeerAddr => q(169.254.169.254:80), Timeout => 5) and print q(GOT IN); print qq(refused: $@)'", "refused: .*(Network is unreachable|Invalid argument)"),
        // Other processes' ids, as the machine counts them.
        ("kill -9 $HOST && echo GOT IN", "No such process"),
        ("cat /proc/$HOST/environ && echo GOT IN", "No such file"),
        // Last, because what it has started takes a moment to go.
        ("perl -e 'for (1..5000) { my $p = fork; if (!defined $p) { print qq(refused: $!); kill 9, @all; 1 while wait > 0; exit } if (!$p) { sleep 300; exit } push @all, $p } print q(GOT IN)'", "refused: Resource temporarily unavailable"),
    ];

    /// <summary>A script of the corpus as a shell can run it after another one.</summary>
    public static string Line(string script, string engineFolder) =>
        $"rm -rf /tmp/big /tmp/s /tmp/l /tmp/x /tmp/sh /tmp/disk /dev/shm/big; {Names(engineFolder)}{script}";

    public static string Names(string engineFolder) => $"ENGINE='{engineFolder}'; HOST={Environment.ProcessId}; ";

    public static void AssertRefused(string where, string script, string seen, string output)
    {
        Assert.False(output.Contains("GOT IN", StringComparison.Ordinal), $"{where}: {script} got in: {output}");
        Assert.True(Regex.IsMatch(output.TrimEnd('\n'), "(?m)" + seen), $"{where}: {script} said: {output}");
    }
}
