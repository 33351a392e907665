using System.Runtime.Versioning;
using Flows.LocalHosting.Processes;

namespace Flows.Tests.LocalHosting;

[Collection(nameof(RunningAppHost))]
[UnsupportedOSPlatform("windows")]
public sealed class TheEndOfTheAppHost
{
    [Fact]
    public async Task Nothing_is_left_when_it_is_killed()
    {
        await using var host = AppHostProcess.Start("--Flows:Ephemeral=true");
        var folder = await host.UpAsync();
        var children = AppHostProcess.Children(folder);
        Assert.True(children.Count >= 3, host.Output); // postgres, redis, api, and the workers as they come

        Native.Send(host.Pid, Native.SigKill);
        await host.Exited;

        await AppHostProcess.WaitUntilGoneAsync(children);
        await WaitUntilRemovedAsync(folder);
    }

    [Theory]
    [InlineData(Native.SigInt)]
    [InlineData(Native.SigTerm)]
    public async Task Nothing_is_left_when_it_is_stopped(int signal)
    {
        await using var host = AppHostProcess.Start("--Flows:Ephemeral=true");
        var folder = await host.UpAsync();
        var children = AppHostProcess.Children(folder);

        Native.Send(host.Pid, signal);
        Assert.Equal(0, await host.Exited.WaitAsync(TimeSpan.FromSeconds(20)));

        await AppHostProcess.WaitUntilGoneAsync(children);
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public async Task What_nobody_could_end_is_ended_by_the_next_start_and_the_data_is_still_there()
    {
        var folder = Directory.CreateTempSubdirectory("flows-tests-").FullName;
        File.SetUnixFileMode(folder, File.GetUnixFileMode(folder) | UnixFileMode.OtherExecute);
        string[] arguments = [$"--Flows:DataDirectory={folder}", "--DcpPublisher:RandomizePorts=true"];
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
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (Directory.Exists(folder))
            await timer.WaitForNextTickAsync(limit.Token);
    }
}
