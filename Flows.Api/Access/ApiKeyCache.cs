using System.Collections.Concurrent;
using System.Security.Claims;
using Npgsql;

namespace Flows.Api.Access;

/// <summary>
/// Who holds a key, without a round trip for each request. A row is believed for 30 s at most, which is how long a revoked key may
/// live on in other replicas. From 15 s on it is read again beside the request, so that no caller waits while keys are in use.
/// Keys that do not exist are not remembered: strangers cannot fill the cache, and can hold four connections of the pool at most.
/// </summary>
internal sealed class ApiKeyCache(NpgsqlDataSource source, TimeProvider clock) : IDisposable
{
    /// <summary>Keys remembered at once; a key beyond that costs a look-up each time.</summary>
    public const int Capacity = 10_000;
    public static readonly TimeSpan RefreshAfter = TimeSpan.FromSeconds(15);
    public static readonly TimeSpan ForgetAfter = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<KeyHash, Entry> _entries = new();
    private readonly ConcurrentDictionary<Guid, DateTimeOffset> _used = new();
    private readonly SemaphoreSlim _lookUps = new(4);

    /// <returns>The principal of a live key, else null.</returns>
    /// <exception cref="NpgsqlException">The key is not remembered and Postgres is away.</exception>
    public async ValueTask<ClaimsPrincipal?> FindAsync(KeyHash hash, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        if (!_entries.TryGetValue(hash, out var entry) || now - entry.ReadAt >= ForgetAfter)
        {
            entry = await LookUpAsync(hash, cancel);
        }
        else if (now - entry.ReadAt >= RefreshAfter && Interlocked.Exchange(ref entry.IsRefreshing, true) == false)
        {
            _ = RefreshAsync(hash);
        }
        if (entry is null || entry.ExpiresAt <= now)
            return null;
        if (!_used.ContainsKey(entry.KeyId)) // a read in the usual case: at most one write a minute and key
            _used[entry.KeyId] = now;
        return entry.Principal;
    }

    /// <summary>At once here; other replicas follow within <see cref="ForgetAfter"/>.</summary>
    public void Forget(Guid keyId)
    {
        foreach (var (hash, entry) in _entries)
        {
            if (entry.KeyId == keyId)
                _entries.TryRemove(hash, out _);
        }
    }

    /// <summary>Writes when keys were last used, and drops what is too old to be believed.</summary>
    public async Task FlushAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        foreach (var pair in _entries)
        {
            if (now - pair.Value.ReadAt >= ForgetAfter)
                _entries.TryRemove(pair);
        }
        var used = _used.ToArray();
        if (used.Length == 0)
            return;
        await using var command = source.CreateCommand("""
            UPDATE api_keys SET last_used_at = used.at FROM unnest($1, $2) AS used (id, at)
            WHERE api_keys.id = used.id AND (last_used_at IS NULL OR last_used_at < used.at)
            """);
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = [.. used.Select(u => u.Key)] });
        command.Parameters.Add(new NpgsqlParameter<DateTimeOffset[]> { TypedValue = [.. used.Select(u => u.Value)] });
        await command.ExecuteNonQueryAsync(cancel);
        foreach (var pair in used)
            _used.TryRemove(pair);
    }

    public void Dispose() => _lookUps.Dispose();

    private async Task RefreshAsync(KeyHash hash)
    {
        try
        {
            using var limit = new CancellationTokenSource(ForgetAfter - RefreshAfter, clock);
            await LookUpAsync(hash, limit.Token, again: true);
        }
        catch (Exception error) when (error is OperationCanceledException || Database.IsUnavailable(error))
        {
            // The entry runs out, and then the caller's own look-up tells it what is wrong.
        }
    }

    private async Task<Entry?> LookUpAsync(KeyHash hash, CancellationToken cancel, bool again = false)
    {
        await _lookUps.WaitAsync(cancel);
        try
        {
            // Before the query: a key revoked while it runs must not count as read after that.
            var readAt = clock.GetUtcNow();
            if (!again && _entries.TryGetValue(hash, out var known) && readAt - known.ReadAt < ForgetAfter)
                return known; // somebody else has just read it
            var entry = await ReadAsync(hash, readAt, cancel);
            if (entry is null)
                _entries.TryRemove(hash, out _);
            else if (_entries.Count < Capacity || _entries.ContainsKey(hash))
                _entries[hash] = entry;
            return entry;
        }
        finally
        {
            _lookUps.Release();
        }
    }

    private async Task<Entry?> ReadAsync(KeyHash hash, DateTimeOffset readAt, CancellationToken cancel)
    {
        await using var command = source.CreateCommand(
            "SELECT id, project_id, name, expires_at FROM api_keys WHERE key_hash = $1 AND revoked_at IS NULL");
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = hash.ToBytes() });
        await using var reader = await command.ExecuteReaderAsync(cancel);
        if (!await reader.ReadAsync(cancel))
            return null;
        var id = reader.GetGuid(0);
        var principal = new ClaimsPrincipal(new ClaimsIdentity(
            [
                new Claim(CurrentProject.Claim, reader.GetGuid(1).ToString()),
                new Claim(ClaimTypes.NameIdentifier, id.ToString()),
                new Claim(ClaimTypes.Name, reader.GetString(2)),
            ], ApiKeyAuthentication.Scheme));
        return new Entry(id, principal, reader.IsDBNull(3) ? DateTimeOffset.MaxValue : reader.GetFieldValue<DateTimeOffset>(3), readAt);
    }

    private sealed class Entry(Guid keyId, ClaimsPrincipal principal, DateTimeOffset expiresAt, DateTimeOffset readAt)
    {
        public bool IsRefreshing;
        public Guid KeyId => keyId;
        /// <summary>Shared by all requests of the key: nothing may add to it.</summary>
        public ClaimsPrincipal Principal => principal;
        public DateTimeOffset ExpiresAt => expiresAt;
        public DateTimeOffset ReadAt => readAt;
    }
}

/// <summary>Once a minute, and once more when the process stops.</summary>
internal sealed partial class ApiKeyUpkeep(ApiKeyCache keys, TimeProvider clock, ILogger<ApiKeyUpkeep> logger) : BackgroundService
{
    private static readonly TimeSpan s_period = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_period, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
            await FlushAsync(stoppingToken);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(1));
        await FlushAsync(limit.Token);
    }

    private async Task FlushAsync(CancellationToken cancel)
    {
        try
        {
            await keys.FlushAsync(cancel);
        }
        catch (Exception error) when (error is OperationCanceledException or Npgsql.NpgsqlException)
        {
            LogNotWritten(error.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "When API keys were last used is not written yet: {Reason}")]
    private partial void LogNotWritten(string reason);
}
