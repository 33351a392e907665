using System.Text;
using Flows.Worker.Sandbox;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Flows.Tests.Sandbox;

/// <summary>Shell scripts in boxes as the worker makes them.</summary>
internal sealed class BoxUnderTest : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private readonly ProcessStarter _starter = new();

    public static string Folder { get; } = AppContext.BaseDirectory.TrimEnd('/');

    public Task<ChildProcess> StartAsync(string script) => ChildProcess.StartAsync(
        _starter, LaunchCommand.Boxed(["/bin/sh", "-c", EscapeCorpus.Names(Folder) + script], 256, new BoxView([Folder, LaunchCommand.DotnetRoot, .. NodeProgram.FoldersOf("node")])),
        NullLogger.Instance, LogLevel.Trace);

    /// <summary>Both outputs.</summary>
    public async Task<string> RunAsync(string script)
    {
        await using var child = await StartAsync($"exec 2>&1; {script}");
        var output = new StringBuilder();
        var buffer = new byte[16 << 10];
        using var limit = new CancellationTokenSource(s_limit);
        while (await child.Output.ReadAsync(buffer, limit.Token) is var length and > 0)
            output.Append(Encoding.UTF8.GetString(buffer, 0, length));
        return output.ToString();
    }

    public void Dispose() => _starter.Dispose();
}
