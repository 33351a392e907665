using System.Net;
using System.Net.Sockets;
using Flows.Worker.Sandbox;
using Microsoft.Extensions.Options;

namespace Flows.Tests.Sandbox;

/// <summary>
/// A hostile program where an engine or the builders' code would be: what it tries, and what it gets to see.
/// </summary>
public sealed class InsideABox : IDisposable
{
    private readonly BoxUnderTest _box = new();

    public static IEnumerable<object[]> Attempts => EscapeCorpus.Attempts.Select(attempt => new object[] { attempt.Script, attempt.Seen });

    [Fact]
    public void This_machine_can_make_boxes() =>
        Assert.Null(new SandboxSupport(Options.Create(new EngineOptions { Path = Path.Combine(BoxUnderTest.Folder, "Flows.Engine") })).Problem);

    [Theory]
    [MemberData(nameof(Attempts))]
    public async Task An_attempt_is_refused(string script, string seen)
    {
        EscapeCorpus.AssertRefused("a box", script, seen, await _box.RunAsync(script));
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
    public async Task A_socket_that_has_a_name_and_no_file_cannot_be_reached()
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var name = $"flows-test-{Guid.CreateVersion7():N}";
        listener.Bind(new UnixDomainSocketEndPoint("\0" + name));
        listener.Listen();
        var output = await _box.RunAsync($"perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); connect(S, pack_sockaddr_un(qq(\\0{name}))) and print q(GOT IN); print qq(refused: $!)'");
        Assert.Equal("refused: Connection refused", output);
        Assert.False(listener.Poll(0, SelectMode.SelectRead));
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
        // A length of this test's own, by which its processes are known: outside, all boxes have the same user, and an ordinary user's have his.
        var length = $"3{Environment.ProcessId}";
        var child = await _box.StartAsync($"setsid sleep {length} & setsid sleep {length} & echo started; wait");
        var buffer = new byte[16];
        await child.Output.ReadAsync(buffer).AsTask().WaitAsync(TimeSpan.FromSeconds(20));
        await Worker.ChildProbe.UntilAsync(() => Sleeping(length) == 2, "they have not begun");
        child.Kill();
        await child.Exited.WaitAsync(TimeSpan.FromSeconds(20));
        await child.DisposeAsync();
        await Worker.ChildProbe.UntilAsync(() => Sleeping(length) == 0, "a process of the box lives on");
    }

    public void Dispose() => _box.Dispose();

    private static int Sleeping(string length) => Directory.EnumerateDirectories("/proc").Count(folder =>
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, "cmdline")) == $"sleep\0{length}\0";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    });
}
