using System.Collections.Concurrent;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Runs;

/// <summary>What a trigger has to know of a flow.</summary>
/// <param name="VersionId">The published version; null when there is none.</param>
/// <param name="TriggerPiece">The piece that starts the published version: <c>webhook</c>, <c>manual</c> …</param>
/// <param name="TriggerInput">The trigger's settings as JSON; null when there are none.</param>
internal sealed record PublishedFlow(
    Guid FlowId, Guid ProjectId, bool Enabled, Guid? VersionId, int? Version, string? TriggerPiece, string? TriggerInput = null);

/// <summary>
/// Finds flows for triggers, mostly from memory. What this process changes is seen at once, because whoever changes a flow calls
/// <see cref="Invalidate"/> after the commit; what another replica changes is seen within a second.
/// </summary>
internal sealed class PublishedFlows : IDisposable
{
    private static readonly TimeSpan s_keep = TimeSpan.FromSeconds(1);
    private const int MaxFlows = 10_000;
    private static event Action<Guid>? Invalidated;

    private readonly NpgsqlDataSource _db;
    private readonly TimeProvider _clock;
    private readonly ConcurrentDictionary<Guid, Entry> _flows = new();

    public PublishedFlows(NpgsqlDataSource db, TimeProvider clock)
    {
        (_db, _clock) = (db, clock);
        Invalidated += Forget;
    }

    /// <summary>Publishing, enabling, disabling and deleting a flow call this after their commit.</summary>
    public static void Invalidate(Guid flowId) => Invalidated?.Invoke(flowId);

    /// <summary>The flow; null when there is none or it is deleted.</summary>
    public async Task<PublishedFlow?> FindAsync(Guid flowId, CancellationToken cancel)
    {
        var now = _clock.GetTimestamp();
        if (_flows.TryGetValue(flowId, out var entry) && _clock.GetElapsedTime(entry.At, now) < s_keep && !entry.Flow.Value.IsFaulted)
            return await entry.Flow.Value.WaitAsync(cancel);

        if (_flows.Count >= MaxFlows)
            _flows.Clear(); // strangers asking for ids that do not exist must not fill the memory
        // Callers that come while the flow is read share one query. The entry is there before the reading starts, so that a change which the
        // query may not see removes it: only those who asked before the change can get what was read before it.
        var fresh = new Entry(now, new Lazy<Task<PublishedFlow?>>(() => ReadAsync(flowId)));
        _flows[flowId] = fresh;
        return await fresh.Flow.Value.WaitAsync(cancel);
    }

    public void Dispose() => Invalidated -= Forget;

    private void Forget(Guid flowId) => _flows.TryRemove(flowId, out _);

    private async Task<PublishedFlow?> ReadAsync(Guid flowId)
    {
        await using var connection = await _db.OpenConnectionAsync();
        await using var command = new NpgsqlCommand("""
            SELECT f.project_id, f.enabled, v.id, v.number, v.definition -> 'trigger' ->> 'piece',
                nullif(v.definition -> 'trigger' ->> 'input', '{}')
            FROM flows f LEFT JOIN flow_versions v ON v.id = f.published_version_id
            WHERE f.id = $1 AND f.deleted_at IS NULL
            """, connection)
        { Parameters = { RunSql.Value(flowId, NpgsqlDbType.Uuid) } };
        await using var row = await command.ExecuteReaderAsync();
        return await row.ReadAsync()
            ? new PublishedFlow(flowId, row.GetGuid(0), row.GetBoolean(1), row.IsDBNull(2) ? null : row.GetGuid(2),
                row.IsDBNull(3) ? null : row.GetInt32(3), row.TextOrNull(4), row.TextOrNull(5))
            : null;
    }

    private sealed record Entry(long At, Lazy<Task<PublishedFlow?>> Flow);
}
