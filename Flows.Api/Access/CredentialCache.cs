using System.Collections.Concurrent;
using Npgsql;

namespace Flows.Api.Access;

/// <summary>What a credential gives, as it was read. Shared by all requests that present it: nothing may change it.</summary>
internal abstract class Credential
{
    internal bool IsRefreshing;
    /// <summary>Of the key or the session.</summary>
    public required Guid Id { get; init; }
    public required DateTimeOffset ExpiresAt { get; init; }
    public required DateTimeOffset ReadAt { get; init; }
}

/// <summary>
/// Who holds a credential, without a round trip for each request. A row is believed for 30 s at most, which is how long a revoked one may
/// live on in a replica that does not hear of it (<see cref="AccessNews"/> tells the others at once). From 15 s on it is read again beside
/// the request, so that no caller waits while it is in use. Credentials that do not exist are not remembered: strangers cannot fill the
/// cache, and can hold four connections of the pool at most.
/// </summary>
internal abstract class CredentialCache<T>(NpgsqlDataSource source, TimeProvider clock) : IDisposable where T : Credential
{
    /// <summary>Remembered at once; what is beyond that costs a look-up each time.</summary>
    public const int Capacity = 10_000;
    public static readonly TimeSpan RefreshAfter = TimeSpan.FromSeconds(15);
    public static readonly TimeSpan ForgetAfter = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<KeyHash, T> _entries = new();
    private readonly ConcurrentDictionary<Guid, DateTimeOffset> _used = new();
    private readonly SemaphoreSlim _lookUps = new(4);

    protected NpgsqlDataSource Source => source;

    /// <returns>The live credential, else null.</returns>
    /// <exception cref="NpgsqlException">It is not remembered and Postgres is away.</exception>
    public async ValueTask<T?> FindAsync(KeyHash hash, CancellationToken cancel)
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
        if (!_used.ContainsKey(entry.Id)) // a read in the usual case: at most one write a minute and credential
            _used[entry.Id] = now;
        return entry;
    }

    /// <summary>At once here.</summary>
    public void Forget(Func<T, bool> which)
    {
        foreach (var (hash, entry) in _entries)
        {
            if (which(entry))
                _entries.TryRemove(hash, out _);
        }
    }

    /// <summary>Writes when credentials were last used, and drops what is too old to be believed.</summary>
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
        await using var command = source.CreateCommand($"""
            UPDATE {Table} AS credential SET last_used_at = used.at FROM unnest($1, $2) AS used (id, at)
            WHERE credential.id = used.id AND (last_used_at IS NULL OR last_used_at < used.at)
            """);
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = [.. used.Select(u => u.Key)] });
        command.Parameters.Add(new NpgsqlParameter<DateTimeOffset[]> { TypedValue = [.. used.Select(u => u.Value)] });
        await command.ExecuteNonQueryAsync(cancel);
        foreach (var pair in used)
            _used.TryRemove(pair);
    }

    public void Dispose() => _lookUps.Dispose();

    /// <summary>The table with the columns <c>id</c> and <c>last_used_at</c>.</summary>
    protected abstract string Table { get; }

    protected abstract Task<T?> ReadAsync(KeyHash hash, DateTimeOffset readAt, CancellationToken cancel);

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

    private async Task<T?> LookUpAsync(KeyHash hash, CancellationToken cancel, bool again = false)
    {
        await _lookUps.WaitAsync(cancel);
        try
        {
            // Before the query: a credential revoked while it runs must not count as read after that.
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
}
