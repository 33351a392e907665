using Flows.Worker.Egress;
using Flows.Worker.Sandbox.Groups;
using Microsoft.Extensions.Options;

namespace Flows.Worker.Sandbox;

/// <summary>Starts the first engines with the worker, replaces old processes while they are idle, and says what this machine can do.</summary>
internal sealed partial class ProcessUpkeep(
    EngineProcesses engines, PieceEngines pieces, CodeRunners code, NodeProgram node, EgressBroker egress, ControlGroups groups, IOptions<ExecutionOptions> options, TimeProvider clock,
    ILogger<ProcessUpkeep> logger) : BackgroundService
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(30);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        engines.Tidy();
        LogMode(logger, options.Value.EffectiveMode, options.Value.WhyMode);
        var (isKept, how) = await egress.DescribeAsync();
        LogNetwork(logger, isKept ? LogLevel.Information : LogLevel.Warning, how);
        LogLimits(logger, groups.How);
        if (await node.FindProblemAsync() is { } problem)
            LogNode(logger, problem);

        using var timer = new PeriodicTimer(s_interval, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                engines.Tidy();
                pieces.Tidy();
                code.Tidy();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    [LoggerMessage(LogLevel.Information, "Flows run in the execution mode {Mode} ({Reason}).")]
    private static partial void LogMode(ILogger logger, string mode, string reason);

    [LoggerMessage("The network of flows: {How}.")]
    private static partial void LogNetwork(ILogger logger, LogLevel level, string how);

    [LoggerMessage(LogLevel.Information, "The limits of flows: {How}.")]
    private static partial void LogLimits(ILogger logger, string how);

    [LoggerMessage(LogLevel.Warning, "{Problem}")]
    private static partial void LogNode(ILogger logger, string problem);
}
