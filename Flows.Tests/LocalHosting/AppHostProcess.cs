using System.Text.RegularExpressions;
using Flows.LocalHosting.Processes;

namespace Flows.Tests.LocalHosting;

/// <summary>The built AppHost as a process of its own, as a person starts it.</summary>
internal sealed partial class AppHostProcess : IAsyncDisposable
{
    private readonly ChildProcess process;
    private readonly TaskCompletionSource<string> up = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<string> output = [];

    private AppHostProcess(string[] arguments)
    {
        var folder = Projects.Flows_AppHost.ProjectPath;
        // Beside the one this test was built with, in the same configuration.
        var configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        var file = Path.Combine(folder, "bin", configuration, $"net{Environment.Version.Major}.{Environment.Version.Minor}", "Flows.AppHost");
        var environment = Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>()
            .ToDictionary(variable => (string)variable.Key, variable => (string?)variable.Value ?? "");
        environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        process = ChildProcess.Start(new(file, arguments, environment, folder), (line, _) => OnLine(line));
    }

    public int Pid => process.Pid;
    public Task<int> Exited => process.Exited;

    /// <summary>The exit code, once all that it has printed is in <see cref="Output"/>.</summary>
    public async Task<int> EndAsync()
    {
        var code = await process.Exited.WaitAsync(RunningAppHost.Patience);
        await process.OutputRead.WaitAsync(RunningAppHost.Patience);
        return code;
    }

    public string Output
    {
        get
        {
            lock (output)
                return string.Join('\n', output);
        }
    }

    public static AppHostProcess Start(params string[] arguments) => new(arguments);

    /// <summary>Waits for the lines that say where it is; gives its data folder.</summary>
    public async Task<string> UpAsync()
    {
        var first = await Task.WhenAny(up.Task, process.Exited).WaitAsync(RunningAppHost.Patience);
        Assert.True(first == up.Task, $"The AppHost has ended instead of being up:\n{Output}");
        return await up.Task;
    }

    /// <summary>The processes that this AppHost has written down, with the time of their birth.</summary>
    public static IReadOnlyDictionary<int, string> Children(string dataFolder) =>
        Directory.GetFiles(Path.Combine(dataFolder, "run")).ToDictionary(file => int.Parse(Path.GetFileName(file), null), File.ReadAllText);

    public static async Task WaitUntilGoneAsync(IReadOnlyDictionary<int, string> processes)
    {
        using var limit = new CancellationTokenSource(RunningAppHost.Patience);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (processes.Any(process => Leftovers.BirthOf(process.Key) == process.Value))
            await timer.WaitForNextTickAsync(limit.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await process.StopAsync(TimeSpan.FromSeconds(20));
        process.Dispose();
    }

    private void OnLine(string line)
    {
        lock (output)
            output.Add(line);
        if (KeyLine().Match(line) is { Success: true } match)
            up.TrySetResult(Path.GetDirectoryName(match.Groups[1].Value)!);
    }

    [GeneratedRegex(@"API key\s+(.+)$")]
    private static partial Regex KeyLine();
}
