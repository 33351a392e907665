using System.Text.Json;
using Flows.Api.Runs;
using Flows.Api.Runs.Values;
using Flows.Api.Waits;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;

namespace Flows.Api.Workers;

/// <summary>
/// Puts one claim together from rows that hold references: first all that it needs is named, then what may come along is read in one query
/// for all claims, then it is written. What a worker is to fetch itself is listed in the claim.
/// </summary>
internal sealed class ClaimWriter
{
    /// <summary>Large values of one run that come along with its claim, in bytes; a worker that fetches gets the rest later, one by one.</summary>
    private const int BytesAlong = 256 << 10;

    private readonly ClaimedRun _run;
    private readonly List<StoredStep> _journal;
    private readonly List<WaitPoint>? _points;
    private readonly Dictionary<(ValuePlace Place, string? Path), ValueReference> _needed = [];
    private readonly HashSet<Guid> _along = [];

    /// <param name="points">Waits of the run; null for none.</param>
    /// <param name="fetches">The worker fetches; else everything comes along.</param>
    public ClaimWriter(ClaimedRun run, List<StoredStep> journal, List<WaitPoint>? points, bool fetches)
    {
        (_run, _journal, _points) = (run, journal, points);
        Need(ValuePlace.Trigger, null, ValueReference.Read(run.Trigger));
        Need(ValuePlace.Inputs, null, ValueReference.Read(run.EditedInput));
        foreach (var step in journal)
        {
            // Of a finished step an engine needs the end alone.
            if (!step.Line.IsFinished)
                Need(ValuePlace.StepInput, step.Line.Path, step.Input);
            Need(ValuePlace.StepOutput, step.Line.Path, step.Output);
            Need(ValuePlace.StepError, step.Line.Path, step.Error);
        }
        foreach (var point in points ?? [])
            Need(ValuePlace.WaitOutput, point.Path, ValueReference.Read(point.Output));

        var left = fetches ? BytesAlong : long.MaxValue;
        foreach (var value in _needed.Values)
        {
            if (value.Size <= left && _along.Add(value.Id))
                left -= value.Size;
        }
    }

    /// <summary>What is to be read for <see cref="Write"/>.</summary>
    public IEnumerable<(Guid RunId, Guid Id)> Wanted => _along.Select(id => (_run.RunId, id));

    /// <param name="terms">The claim without any value.</param>
    public RunClaim Write(RunClaim terms, IReadOnlyDictionary<(Guid RunId, Guid Id), RawJson> values)
    {
        RawJson? Of(ValuePlace place, string? path) =>
            _needed.TryGetValue((place, path), out var value) && values.TryGetValue((_run.RunId, value.Id), out var json) ? json : null;

        RawJson? Stored(ValuePlace place, string? path, RawJson? stored) => ValueReference.IsOne(stored) ? Of(place, path) : stored;

        var journal = _journal.ConvertAll(step => step.Line with
        {
            Input = step.Line.Input ?? Of(ValuePlace.StepInput, step.Line.Path),
            Output = step.Line.Output ?? Of(ValuePlace.StepOutput, step.Line.Path),
            Error = Of(ValuePlace.StepError, step.Line.Path) is { } error ? ErrorOf(error) : step.Line.Error,
        });
        var points = _points?.ConvertAll(point => point with { Output = Stored(ValuePlace.WaitOutput, point.Path, point.Output) });
        var edited = Stored(ValuePlace.Inputs, null, _run.EditedInput);
        var states = WaitReader.ForEngine(points, journal);
        // One that was to come along and is gone is listed as well: the worker finds that out and fails the run by it.
        var apart = _needed.Where(need => !values.ContainsKey((_run.RunId, need.Value.Id)))
            .Select(need => new ApartValue(need.Key.Place, need.Key.Path, need.Value.Id, need.Value.Size))
            .Where(value => value.Place != ValuePlace.WaitOutput || states?.Exists(state => state.Path == value.Path && state.Status == WaitStatus.Completed) == true)
            .ToList();
        return terms with
        {
            Trigger = Stored(ValuePlace.Trigger, null, _run.Trigger) ?? RawJson.Null,
            Journal = journal,
            Inputs = edited is { } inputs ? JsonSerializer.Deserialize(inputs.Utf8.Span, RunsJson.Default.DictionaryStringRawJson) : null,
            Waits = states,
            Apart = apart.Count == 0 ? null : apart,
            LogBytes = _journal.Where(step => step.Line.IsFinished).Sum(SizeOf),
        };
    }

    private void Need(ValuePlace place, string? path, ValueReference? value)
    {
        if (value is not null)
            _needed[(place, path)] = value;
    }

    // As the engine counts: inputs and outputs, not errors and logs.
    private static long SizeOf(StoredStep step) =>
        (step.Input?.Size ?? step.Line.Input?.Length ?? 0) + (long)(step.Output?.Size ?? step.Line.Output?.Length ?? 0);

    private static StepError? ErrorOf(RawJson json) => JsonSerializer.Deserialize(json.Utf8.Span, RunsJson.Default.StepError);
}
