using System.Globalization;
using System.Text;
using Microsoft.Extensions.Options;

namespace Flows.Worker.Sandbox;

/// <summary>Whether this machine can run JavaScript. Asked once, on the first question.</summary>
internal sealed class NodeProgram
{
    private const int OldestMajor = 20;
    private readonly Lazy<Task<string?>> _problem;

    public NodeProgram(ProcessStarter starter, IOptions<ExecutionOptions> options, ILogger<NodeProgram> logger) =>
        _problem = new Lazy<Task<string?>>(() => Task.Run(() => CheckAsync(starter, options.Value, logger)));

    /// <summary>A sentence for the builder, or null when code steps can run.</summary>
    public Task<string?> FindProblemAsync() => _problem.Value;

    /// <summary>Where Node.js lies with its files, for a box: the link that PATH has and what it points to, each one folder above the programs.</summary>
    public static IEnumerable<string> FoldersOf(string node)
    {
        if (LaunchCommand.FindInPath(node) is not { } link)
            yield break;
        yield return Path.GetDirectoryName(Path.GetDirectoryName(Path.GetFullPath(link))!)!;
        if (File.ResolveLinkTarget(link, returnFinalTarget: true) is { } program)
            yield return Path.GetDirectoryName(Path.GetDirectoryName(program.FullName)!)!;
    }

    private static async Task<string?> CheckAsync(ProcessStarter starter, ExecutionOptions options, ILogger logger)
    {
        var needed = $"Code steps need Node.js {OldestMajor} or later on the worker";
        if (LaunchCommand.FindInPath(options.Node) is null)
            return $"{needed}; '{options.Node}' was not found there.";

        try
        {
            await using var child = await ChildProcess.StartAsync(
                starter, LaunchCommand.For([options.Node, "--version"], options.MemoryMiB), logger, LogLevel.Debug);
            using var late = new CancellationTokenSource(options.StartTimeout);
            var buffer = new byte[64];
            var length = await child.Output.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, late.Token);
            var version = Encoding.ASCII.GetString(buffer, 0, length).Trim();
            return int.TryParse(version.TrimStart('v').Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var major) && major >= OldestMajor
                ? null
                : $"{needed}; '{options.Node}' there says it is '{version}'.";
        }
        catch (Exception error) when (error is ChildStartException or IOException or OperationCanceledException)
        {
            return $"{needed}; '{options.Node}' there does not answer: {error.Message}";
        }
    }
}
