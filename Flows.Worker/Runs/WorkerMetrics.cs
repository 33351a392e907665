using System.Diagnostics.Metrics;
using Flows.Contracts.Runs;
using Flows.Worker.Sandbox;
using Microsoft.Extensions.Options;

namespace Flows.Worker.Runs;

/// <summary>What a worker does, as numbers. Every name is described in docs/observability.md.</summary>
internal sealed class WorkerMetrics
{
    public const string MeterName = "Flows.Worker";
    /// <summary>Pieces that have a label of their own; a catalogue has far fewer.</summary>
    private const int MostPieces = 300;

    private readonly HashSet<string> _pieces = new(StringComparer.Ordinal);
    private readonly Counter<long> _started;
    private readonly Counter<long> _rented;
    private readonly Counter<long> _ended;
    private readonly Histogram<double> _step;
    private readonly Histogram<double> _run;
    private readonly Histogram<long> _batch;
    private readonly Histogram<double> _report;

    public WorkerMetrics(IMeterFactory meters, IOptions<WorkerOptions> options, LiveRuns live)
    {
        var meter = meters.Create(MeterName);
        meter.CreateObservableGauge("flows.worker.slots", () => options.Value.Concurrency, "{run}", "Runs that this worker may hold at a time.");
        meter.CreateObservableGauge("flows.worker.slots.used", () => live.Count, "{run}", "Runs that this worker holds.");
        _started = meter.CreateCounter<long>("flows.processes.started", "{process}", "Child processes that were started, by kind and whether they came up.");
        _rented = meter.CreateCounter<long>("flows.processes.rented", "{process}", "Child processes that were given to a run or a code step, by kind and whether they had served before.");
        _ended = meter.CreateCounter<long>("flows.engines.killed", "{process}", "Engines that were killed or broke in the middle of a run, by the reason.");
        _step = meter.CreateHistogram("flows.steps.duration", "s", "Time of a step with all its tries, by piece and status; steps that are no action go by their kind.",
            tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10, 60] });
        _run = meter.CreateHistogram("flows.runs.held", "s", "From the claim of a run to the commit of its outcome, by the status it is left in.",
            tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600] });
        _batch = meter.CreateHistogram("flows.reports.runs", "{run}", "Runs in one report to the API.",
            tags: null, new InstrumentAdvice<long> { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128] });
        _report = meter.CreateHistogram("flows.reports.duration", "s", "Time of one report to the API, by whether it was taken.",
            tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 10] });
    }

    /// <param name="kind">engine, code or piece: what the pool is for.</param>
    public void Started(string kind, bool isUp) => _started.Add(1, Label("kind", kind), Label("result", isUp ? "ready" : "failed"));

    /// <param name="kind">As above.</param>
    public void Rented(string kind, bool wasUsed) => _rented.Add(1, Label("kind", kind), Label("process", wasUsed ? "reused" : "new"));

    /// <param name="reason">A word of the code.</param>
    public void Killed(string reason) => _ended.Add(1, Label("reason", reason));

    public void Step(StepRecord step)
    {
        if (step.IsFinished && step.DurationMs is { } took)
            _step.Record(took / 1000, Label("piece", step.Piece is { } piece ? Bounded(piece) : step.Kind), Label("status", StatusOf(step.Status)));
    }

    public void Held(RunStatus then, TimeSpan took) => _run.Record(took.TotalSeconds, Label("status", then.ToString()));

    public void Reported(int runs, TimeSpan took, bool isTaken)
    {
        _batch.Record(runs);
        _report.Record(took.TotalSeconds, Label("result", isTaken ? "taken" : "failed"));
    }

    // The name comes from an engine, and an engine may be anybody's by now.
    private string Bounded(string piece)
    {
        lock (_pieces)
            return _pieces.Contains(piece) || (_pieces.Count < MostPieces && piece.Length <= 100 && _pieces.Add(piece)) ? piece : "other";
    }

    private static string StatusOf(StepStatus status) => status switch
    {
        StepStatus.Succeeded => "Succeeded",
        StepStatus.Failed => "Failed",
        StepStatus.FailedAndContinued => "FailedAndContinued",
        _ => "Skipped",
    };

    private static KeyValuePair<string, object?> Label(string name, string value) => new(name, value);
}
