using System.Text.Json;
using Flows.Bench.Hosted;
using Flows.Contracts.Runs;

namespace Flows.Bench.Chaos;

/// <summary>What the campaign is measured by: the ledger, Postgres, and what callers were told. Every sentence it finds is a violation.</summary>
internal sealed class Verdict(IReadOnlyDictionary<Guid, CampaignFlow> flows, IReadOnlyList<RunRow> runs, IReadOnlyList<LineRow> lines, IReadOnlyList<LedgerEntry> entries)
{
    private readonly ILookup<Guid, LineRow> _lines = lines.ToLookup(line => line.Run);
    private readonly ILookup<string, LedgerEntry> _entries = entries.ToLookup(entry => entry.Key);
    private readonly ILookup<(Guid Run, string Path), RunRow> _called = runs.Where(run => run.CalledBy is not null).ToLookup(run => run.CalledBy!.Value);

    /// <param name="started">Runs that a caller was told of.</param>
    public List<string> Violations(IEnumerable<StartedRun> started)
    {
        var violations = new List<string>();
        var there = runs.Select(run => run.Id).ToHashSet();
        violations.AddRange(started.Where(run => !there.Contains(run.Id)).Select(run => $"run {run.Id} was accepted and is lost"));
        violations.AddRange(entries.Select(entry => entry.Run).Distinct().Where(run => !there.Contains(run)).Select(run => $"run {run} wrote to the ledger and is lost"));
        foreach (var run in runs)
            violations.AddRange(Of(run).Select(found => $"run {run.Id} ({flows[run.FlowId].Name}, attempt {run.Attempt}): {found}"));
        return violations;
    }

    private IEnumerable<string> Of(RunRow run)
    {
        var flow = flows[run.FlowId];
        var promises = flow.Effects(run.Number);
        var status = (RunStatus)run.Status;
        var byPath = _lines[run.Id].ToDictionary(line => line.Path);
        if (!RunTransitions.IsFinal(status))
            yield return $"is still {status}";
        else if (status != RunStatus.Succeeded && !(status == RunStatus.Failed && run.ErrorCode == "uncertain" && run.FailedStep == flow.FailsWhenUncertain))
            yield return $"ended as {status} with '{run.ErrorCode}' at {run.FailedStep}";

        foreach (var (path, promise) in promises)
        {
            var written = _entries[$"{run.Id:D}:{path}"].ToList();
            if (promise == Promise.AtMostOnce && written.Count > 1)
                yield return $"{path} was done {written.Count} times";
            if (status == RunStatus.Succeeded && written.Count == 0)
                yield return $"{path} was never done and the run succeeded";
            if (!byPath.TryGetValue(path, out var line))
            {
                if (written.Count > 0)
                    yield return $"{path} was done and is not in the journal";
                continue;
            }
            if (line.FinishedAt is { } end && written.FirstOrDefault(entry => entry.At > end) is { } late)
                yield return $"{path} finished at {end:O} and was done again at {late.At:O}";
            if (status == RunStatus.Succeeded && written.Count > 0 && TicketOf(line) is var ticket && written.All(entry => entry.Ticket != ticket))
                yield return $"{path} has the output {line.Output}, which is none of the tickets {string.Join(", ", written.Select(entry => entry.Ticket))}";

            var drawn = byPath.GetValueOrDefault("draw")?.Output;
            if (written.FirstOrDefault(entry => entry.Value != drawn) is { } other)
                yield return $"{path} told the ledger {other.Value}, and the journal says that {drawn} was drawn: a finished step was repeated";
        }
        if (flow.NoSooner is { } due && TooSoon(run.Id, due, byPath) is { } early)
            yield return early;
        if (flow.Calls is { } call)
        {
            var called = _called[(run.Id, call)].ToList();
            if (called.Count > 1 || (status == RunStatus.Succeeded && called.Count == 0))
                yield return $"{call} has called {called.Count} runs";
            if (status == RunStatus.Succeeded && called.FirstOrDefault(child => child.Status != (short)RunStatus.Succeeded) is { } child)
                yield return $"{call} succeeded, and the run {child.Id} that it called is {(RunStatus)child.Status}";
        }
        if (byPath.Values.FirstOrDefault(line => line.Effect > 0 && !promises.ContainsKey(line.Path)) is { } stray)
            yield return $"{stray.Path} is an effect that this flow does not have";
    }

    private string? TooSoon(Guid run, DueTime due, Dictionary<string, LineRow> lines)
    {
        if (!lines.TryGetValue(due.Since, out var since) || (due.Since == due.Effect && since.Try == 1))
            return null;
        // Both clocks are this machine's; Postgres keeps microseconds.
        var from = since.StartedAt + due.Wait - TimeSpan.FromMilliseconds(1);
        return _entries[$"{run:D}:{due.Effect}"].FirstOrDefault(entry => entry.At < from) is { } early
            ? $"{due.Effect} was done at {early.At:O}, and {due.Since} began at {since.StartedAt:O} and lasts {due.Wait}"
            : null;
    }

    private static int? TicketOf(LineRow line)
    {
        if (line.Output is null)
            return null;
        using var output = JsonDocument.Parse(line.Output);
        return output.RootElement.TryGetProperty("body", out var body) && body.ValueKind == JsonValueKind.Object && body.TryGetProperty("ticket", out var ticket) ? ticket.GetInt32() : null;
    }
}
