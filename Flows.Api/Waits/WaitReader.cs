using System.Buffers;
using System.Text.Json;
using System.Text.RegularExpressions;
using Flows.Api.Runs;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Waits;

/// <summary>Reads what runs wait for: for their engines, and for people.</summary>
internal sealed partial class WaitReader(NpgsqlDataSource db, RunLinks links)
{
    /// <summary>Waits of one run that are shown; a run may have thousands.</summary>
    private const int MostShown = 20;

    /// <summary>Every wait of these runs that an engine may need.</summary>
    public Task<Dictionary<Guid, List<WaitPoint>>> StatesAsync(IReadOnlyList<Guid> runs, CancellationToken cancel) => ReadAsync($"""
        SELECT {RunStore.PointColumns}, w.run_id FROM waitpoints w
        WHERE w.run_id = ANY($1) AND w.status < {(int)WaitStatus.Dropped} AND (w.status <> 0 OR w.asked_at IS NOT NULL)
        """, runs, cancel);

    /// <summary>
    /// The waits as the engine is told of them. Left out are those whose step has ended, and bad ends that the step has already met: a
    /// step that is done again waits again.
    /// </summary>
    public static List<WaitState>? ForEngine(List<WaitPoint>? points, List<StepRecord> journal)
    {
        if (points is null)
            return null;
        var lines = journal.ToDictionary(line => line.Path, line => line.Status, StringComparer.Ordinal);
        var states = new List<WaitState>(points.Count);
        foreach (var point in points)
        {
            StepStatus? line = lines.TryGetValue(TryOf().Replace(point.Path, ""), out var status) ? status : null;
            var isMet = line is not (null or StepStatus.Running or StepStatus.Paused);
            if (isMet || (point.Status > WaitStatus.Completed && line != StepStatus.Paused))
                continue;
            states.Add(new WaitState(
                point.Path, point.Status, point.Status == WaitStatus.Completed ? OutputOf(point) : null,
                point.Error is { } error ? JsonSerializer.Deserialize(error.Utf8.Span, RunsJson.Default.StepError) : null));
        }
        return states.Count == 0 ? null : states;
    }

    /// <summary>What each of the runs waits for, as <c>waitingFor</c> shows it.</summary>
    /// <param name="linkTo">Makes links absolute; null shows none.</param>
    public async Task<Dictionary<Guid, RawJson>> ShownAsync(IReadOnlyList<Guid> runs, Func<string, string>? linkTo, CancellationToken cancel)
    {
        if (runs.Count == 0)
            return [];
        var open = await ReadAsync($"""
            SELECT o.* FROM unnest($1::uuid[]) AS r(id) CROSS JOIN LATERAL (
                SELECT {RunStore.PointColumns}, w.run_id FROM waitpoints w WHERE w.run_id = r.id AND w.status = 0 AND w.asked_at IS NOT NULL
                ORDER BY w.due_at, w.path LIMIT {MostShown + 1}
            ) o
            """, runs, cancel);
        return open.ToDictionary(run => run.Key, run => Shown(run.Key, run.Value, linkTo));
    }

    private RawJson Shown(Guid runId, List<WaitPoint> open, Func<string, string>? linkTo)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            WriteFields(writer, runId, open[0], linkTo);
            if (open.Count > 1)
            {
                writer.WriteStartArray("waits");
                foreach (var point in open.Take(MostShown))
                {
                    writer.WriteStartObject();
                    WriteFields(writer, runId, point, linkTo);
                    writer.WriteEndObject();
                }
                writer.WriteEndArray();
                writer.WriteBoolean("more", open.Count > MostShown);
            }
            writer.WriteEndObject();
        }
        return RawJson.FromUtf8(buffer.WrittenMemory);
    }

    private void WriteFields(Utf8JsonWriter writer, Guid runId, WaitPoint point, Func<string, string>? linkTo)
    {
        writer.WriteString("kind", JsonNamingPolicy.CamelCase.ConvertName(point.Kind.ToString()));
        writer.WriteString("path", point.Path);
        var isTime = point.Kind is WaitKind.Delay or WaitKind.Until or WaitKind.Retry;
        if (point.DueAt is { } due)
            writer.WriteString(isTime ? "until" : "expires", WaitTimes.TextOf(due));
        if (point.ChildId is { } child)
            writer.WriteString("runId", child);
        if (point.Kind == WaitKind.Approval)
        {
            writer.WriteNumber("approvers", point.Approvers);
            writer.WriteNumber("approvals", Ballot.Read(point.Votes).Votes.Count(vote => vote.Approved));
        }
        if (linkTo is not null && point.Kind is WaitKind.Webhook or WaitKind.Approval)
            writer.WriteString("url", linkTo!(links.PathTo(runId, point.Kind == WaitKind.Webhook ? LinkPurpose.Resume : LinkPurpose.Approve, point.Path)));
    }

    private static RawJson OutputOf(WaitPoint point) => point.Kind switch
    {
        WaitKind.Approval => Ballot.Read(point.Votes).Output,
        WaitKind.Delay or WaitKind.Until or WaitKind.Retry => UntilOutput(point.DueAt!.Value),
        _ => point.Output ?? RawJson.Null,
    };

    private static RawJson UntilOutput(DateTimeOffset due)
    {
        var buffer = new ArrayBufferWriter<byte>(64);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("until", WaitTimes.TextOf(due));
            writer.WriteEndObject();
        }
        return RawJson.FromUtf8(buffer.WrittenMemory);
    }

    private async Task<Dictionary<Guid, List<WaitPoint>>> ReadAsync(string sql, IReadOnlyList<Guid> runs, CancellationToken cancel)
    {
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var command = new NpgsqlCommand(sql, connection) { Parameters = { RunSql.Array(runs.ToArray(), NpgsqlDbType.Uuid) } };
        await using var row = await command.ExecuteReaderAsync(cancel);
        var found = new Dictionary<Guid, List<WaitPoint>>();
        while (await row.ReadAsync(cancel))
        {
            var run = row.GetGuid(11);
            if (!found.TryGetValue(run, out var points))
                found[run] = points = [];
            points.Add(RunStore.ReadWaitPoint(row));
        }
        return found;
    }

    // A try of a step: order#2 is the delay before its second, audit@2 the call of it.
    [GeneratedRegex("[#@][0-9]+$")]
    private static partial Regex TryOf();
}
