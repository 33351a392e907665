using Flows.Contracts.Definitions;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Network;
using Flows.Contracts.Runs;
using Flows.Engine.CommandLine;
using Flows.Engine.Pieces;
using Flows.Engine.Steps;

namespace Flows.Tests.Engine;

/// <summary>Walks flows in this process, as a worker would have them walked, and keeps everything the engine said.</summary>
internal sealed class WalkedRun : IRunHost
{
    private readonly Guid _runId = Guid.Parse("0190a000-0000-7000-8000-000000000001");
    private readonly List<StepRecord> _lines = [];
    private readonly int _linesUntilCrash;
    private int _linesUntilDrain;
    private Func<HostRequested, HostCompleted?>? _host;

    private readonly Action<JournalLines>? _onLines;
    private readonly Func<CodeRequested, CodeCompleted> _code;

    private WalkedRun(int linesUntilCrash, Action<JournalLines>? onLines, Func<CodeRequested, CodeCompleted> code) =>
        (_linesUntilCrash, _onLines, _code) = (linesUntilCrash, onLines, code);

    public List<JournalLines> Messages { get; } = [];
    public RunResponse? Response { get; private set; }
    /// <summary>Null when the engine was made to crash.</summary>
    public RunOutcome? Outcome { get; private set; }
    /// <summary>The newest line of each path, in the order in which they first came.</summary>
    public IReadOnlyList<StepRecord> Journal => [.. _lines.GroupBy(line => line.Path).Select(group => group.Last())];

    public StepRecord this[string path] => Journal.Single(line => line.Path == path);

    public string Output => Outcome!.Output?.ToString() ?? "nothing";

    /// <param name="steps">The steps as a JSON array.</param>
    /// <param name="code">What a code step gives; its input when left out.</param>
    /// <param name="network">What may be reached; everything when left out.</param>
    /// <param name="host">Answers calls of steps; null leaves one to <see cref="Calls"/>.</param>
    /// <param name="linesUntilCrash">How many lines reach the journal before the engine dies; a number below 0 never.</param>
    public static async Task<WalkedRun> OfAsync(
        string steps, string trigger = "{}", LedgerPiece? ledger = null, IEnumerable<StepRecord>? journal = null, TimeProvider? clock = null,
        EngineLimits? limits = null, Func<CodeRequested, CodeCompleted>? code = null, int linesUntilCrash = -1,
        IReadOnlyDictionary<string, RawJson>? connections = null, Action<JournalLines>? onLines = null, IReadOnlyDictionary<string, RawJson>? inputs = null,
        int linesUntilDrain = int.MaxValue, NetworkSettings? network = null,
        IReadOnlyList<WaitState>? waits = null, PauseTerms? pauses = null, long logBytes = 0,
        Func<HostRequested, HostCompleted?>? host = null, IReadOnlyDictionary<string, StepError>? connectionProblems = null, TestPlan? test = null,
        UncertainPolicy onUncertain = UncertainPolicy.Ask)
    {
        var run = new WalkedRun(linesUntilCrash, onLines, code ?? (request => new CodeCompleted(request.CallId, request.Input, null, null))) { _linesUntilDrain = linesUntilDrain, _host = host };
        var definition = $$"""{ "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} }, "steps": {{steps}} }""";
        var start = new StartRun(
            run._runId, 1, Guid.Parse("0190a000-0000-7000-8000-000000000002"), "test", Guid.CreateVersion7(), RunEnvironment.Production,
            RawJson.Parse(definition), RawJson.Parse(trigger), [.. journal ?? []], connections ?? new Dictionary<string, RawJson>(),
            new Dictionary<string, RawJson> { ["currency"] = RawJson.Parse("\"EUR\"") }, limits ?? EngineLimits.Default, inputs, waits, pauses, logBytes, connectionProblems, Test: test, OnUncertain: onUncertain);
        using var http = new OutboundHttp(new GuardedNetwork(network ?? new NetworkSettings(NetworkPolicy.Unrestricted)));
        var walk = new RunWalk(new PieceCatalog([.. PieceCatalog.All.Pieces, ledger ?? new LedgerPiece()]), http, clock ?? TimeProvider.System);
        try
        {
            run.Outcome = await walk.WalkAsync(start, run, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(60));
        }
        catch (JournalException) when (linesUntilCrash >= 0)
        {
            run.Outcome = null;
        }
        run.Calls.Dispose(); // what the steps have read of files is in their outputs
        return run;
    }

    public ValueTask JournalAsync(JournalLines lines)
    {
        lock (_lines)
        {
            foreach (var line in lines.Steps)
            {
                if (_lines.Count == _linesUntilCrash)
                    throw new IOException("The worker is gone.");
                _lines.Add(line);
            }
            Messages.Add(lines);
        }
        _onLines?.Invoke(lines);
        return default;
    }

    public bool IsDraining => _lines.Count >= _linesUntilDrain;

    public Task DurableAsync(long sequence, CancellationToken cancel) => Task.CompletedTask;

    public ValueTask RespondAsync(RunResponse response)
    {
        Response = response;
        return default;
    }

    /// <summary>Stands in for the API.</summary>
    public LocalCalls Calls { get; } = new(folder: null);

    public Task<HostCompleted> CallAsync(HostRequested request, CancellationToken cancel) =>
        _host?.Invoke(request) is { } answer ? Task.FromResult(answer) : Calls.CallAsync(request, cancel);

    public Task<CodeCompleted> RunCodeAsync(CodeRequested request, CancellationToken cancel) => Task.FromResult(_code(request));

    /// <summary>How many lines there were, each counted as often as it was sent.</summary>
    public int LineCount => _lines.Count;
}
