using System.Collections.Concurrent;
using Npgsql;

namespace Flows.Api;

/// <summary>
/// Statements that are prepared once for each connection, where connections are kept. A pooler in transaction mode (PgBouncer) gives every transaction
/// another server connection, on which nothing has been prepared; <c>No Reset On Close=true</c> in the connection string says that there is one.
/// </summary>
internal static class Preparing
{
    // As many as there are databases in the process. By place, because the string of a source changes when its resets are left out.
    private static readonly ConcurrentDictionary<(string? Host, int Port, string? Database), bool> s_kept = new();

    /// <summary>
    /// Leaves out what would put a connection back in order when it returns to the pool. Nothing here outlives a transaction on one, and
    /// those six statements cost as much as a small claim.
    /// </summary>
    public static void KeepWithoutReset(NpgsqlDataSourceBuilder source)
    {
        var settings = source.ConnectionStringBuilder;
        if (settings.Host?.Contains(',', StringComparison.Ordinal) == true)
            return; // of several hosts, a connection tells the one that it is on
        s_kept[(settings.Host, settings.Port, settings.Database)] = !settings.NoResetOnClose;
        settings.NoResetOnClose = true;
    }

    public static Task PrepareWhereKeptAsync(this NpgsqlBatch batch, CancellationToken cancel) =>
        IsKept(batch.Connection!) ? batch.PrepareAsync(cancel) : Task.CompletedTask;

    public static Task PrepareWhereKeptAsync(this NpgsqlCommand command, CancellationToken cancel) =>
        IsKept(command.Connection!) ? command.PrepareAsync(cancel) : Task.CompletedTask;

    private static bool IsKept(NpgsqlConnection connection) =>
        s_kept.GetOrAdd((connection.Host, connection.Port, connection.Database),
            static (_, text) => !new NpgsqlConnectionStringBuilder(text).NoResetOnClose, connection.ConnectionString);
}
