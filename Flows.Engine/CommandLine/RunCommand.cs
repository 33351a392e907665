using Flows.Contracts.Definitions;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Runs;
using Flows.Engine.Pieces;
using Flows.Engine.Steps;

namespace Flows.Engine.CommandLine;

/// <summary><c>--run</c>: walks one flow in this process, for the person at the command line.</summary>
internal static class RunCommand
{
    private const int Succeeded = 0;
    private const int Failed = 1;
    private const int Wrong = 2;

    /// <returns>The exit code.</returns>
    public static async Task<int> ExecuteAsync(IReadOnlyList<string> args, Stream output)
    {
        await using var writer = new StreamWriter(output) { AutoFlush = true };
        if (args is ["--help" or "-h"])
        {
            await writer.WriteLineAsync(RunOptions.Usage);
            return Succeeded;
        }
        try
        {
            return await RunAsync(RunOptions.Parse(args), writer);
        }
        catch (UsageException error)
        {
            await Console.Error.WriteLineAsync($"{error.Message}\n\n{RunOptions.Usage}");
            return Wrong;
        }
    }

    private static async Task<int> RunAsync(RunOptions options, TextWriter output)
    {
        var reading = DefinitionReader.Read(options.Definition.ToElement(), Catalogue.Describe());
        foreach (var problem in reading.Problems)
            await Console.Error.WriteLineAsync($"{(problem.Severity == ProblemSeverity.Error ? "error" : "warning")} {problem.Path}: {problem.Message}");
        if (!reading.IsValid)
            return Wrong;

        var start = new StartRun(
            Guid.CreateVersion7(), Attempt: 1, Guid.CreateVersion7(), "by hand", Guid.CreateVersion7(), RunEnvironment.Test,
            options.Definition, options.Payload, [], options.Connections, options.Variables, EngineLimits.Default,
            Waits: [], Pauses: WaitsByHand.Terms);
        using var files = new LocalCalls(options.Files);
        using var http = new OutboundHttp(new GuardedNetwork(options.Network));
        await using var host = new CommandLineHost(options.AsJson ? TextWriter.Null : output, files);
        var walk = new RunWalk(PieceCatalog.All, http, TimeProvider.System);
        var waits = new WaitsByHand(options.Answers);
        var outcome = await walk.WalkAsync(start, host, CancellationToken.None);
        while (outcome.Status == RunStatus.Paused && waits.Answer(outcome.Waits ?? []))
            outcome = await walk.WalkAsync(start with { Journal = host.Steps, Waits = waits.States }, host, CancellationToken.None);

        if (options.AsJson)
            await output.WriteLineAsync(RunText.Json(outcome, host.Response, host.Steps));
        else
            await output.WriteLineAsync(RunText.Of(outcome, host.Response));
        if (outcome.Status == RunStatus.Paused)
            await Console.Error.WriteAsync(waits.Explanation);
        return outcome.Status == RunStatus.Succeeded ? Succeeded : Failed;
    }
}
