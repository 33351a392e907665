using System.Runtime.Versioning;
using Flows.LocalHosting.Processes;

namespace Flows.Tests.LocalHosting;

[Collection(nameof(RunningAppHost))]
[UnsupportedOSPlatform("windows")]
[Trait("Category", "Proof")]
public sealed class TheEndOfTheAppHost
{
    [Fact]
    public async Task Nothing_is_left_when_it_is_killed()
    {
        await using var host = AppHostProcess.Start("--Flows:Ephemeral=true", "--Flows:Worker:Replicas=1");
        var folder = await host.UpAsync();
        var children = AppHostProcess.Children(folder);
        Assert.True(children.Count >= 3, host.Output); // postgres, redis, api, and the workers as they come

        Native.Send(host.Pid, Native.SigKill);
        await host.Exited;

        await AppHostProcess.WaitUntilGoneAsync(children);
        await WaitUntilRemovedAsync(folder);
    }

    [Fact]
    public async Task Nothing_is_left_when_it_is_stopped()
    {
        await using var host = AppHostProcess.Start("--Flows:Ephemeral=true", "--Flows:Worker:Replicas=1");
        var folder = await host.UpAsync();
        var children = AppHostProcess.Children(folder);

        Native.Send(host.Pid, Native.SigTerm);
        Assert.Equal(0, await host.Exited.WaitAsync(RunningAppHost.Patience));

        await AppHostProcess.WaitUntilGoneAsync(children);
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public async Task What_nobody_could_end_is_ended_by_the_next_start_and_the_data_is_still_there()
    {
        var folder = Directory.CreateTempSubdirectory("flows-tests-").FullName;
        File.SetUnixFileMode(folder, File.GetUnixFileMode(folder) | UnixFileMode.OtherExecute);
        string[] arguments = [$"--Flows:DataDirectory={folder}", "--DcpPublisher:RandomizePorts=true", "--Flows:Worker:Replicas=1"];
        try
        {
            IReadOnlyDictionary<int, string> orphans;
            await using (var first = AppHostProcess.Start(arguments))
            {
                await first.UpAsync();
                orphans = AppHostProcess.Children(folder);
                foreach (var reaper in ReapersOf(first.Pid))
                {
                    // Stopped first: a dead one would be replaced at once.
                    Native.Send(first.Pid, 19 /* SIGSTOP */);
                    Native.Send(reaper, Native.SigKill);
                }
                Native.Send(first.Pid, Native.SigKill);
                await first.Exited;
                Assert.Contains(orphans, orphan => Leftovers.BirthOf(orphan.Key) == orphan.Value);
            }

            var key = await File.ReadAllTextAsync(Path.Combine(folder, "api-key"));
            await using var second = AppHostProcess.Start(arguments);
            await second.UpAsync();
            await AppHostProcess.WaitUntilGoneAsync(orphans);
            Assert.Equal(key, await File.ReadAllTextAsync(Path.Combine(folder, "api-key")));

            await using var third = AppHostProcess.Start(arguments);
            Assert.Equal(1, await third.Exited.WaitAsync(RunningAppHost.Patience));
            Assert.Contains($"is in use by another running application (process {second.Pid})", third.Output, StringComparison.Ordinal);

            // Ctrl-C, where the test above has sent what a service manager sends.
            var children = AppHostProcess.Children(folder);
            Native.Send(second.Pid, Native.SigInt);
            Assert.Equal(0, await second.Exited.WaitAsync(RunningAppHost.Patience));
            await AppHostProcess.WaitUntilGoneAsync(children);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static List<int> ReapersOf(int appHost) =>
    [
        .. Directory.GetDirectories("/proc").Select(Path.GetFileName).Where(name => name!.All(char.IsAsciiDigit)).Select(name => int.Parse(name!, null))
        .Where(pid => ReadOrEmpty($"/proc/{pid}/cmdline").Contains("flows-reaper", StringComparison.Ordinal)
            && ReadOrEmpty($"/proc/{pid}/stat").Contains($") S {appHost} ", StringComparison.Ordinal)),
    ];

    private static string ReadOrEmpty(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static async Task WaitUntilRemovedAsync(string folder)
    {
        using var limit = new CancellationTokenSource(RunningAppHost.Patience);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (Directory.Exists(folder))
            await timer.WaitForNextTickAsync(limit.Token);
    }
}
