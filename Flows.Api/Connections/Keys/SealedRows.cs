using Flows.Api.Connections.OAuth;
using Flows.Api.Runs;
using Flows.Api.Triggers;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Connections.Keys;

/// <summary>One column that holds envelopes. Whoever adds another adds it to <see cref="All"/>: what is not here is lost when a key is taken away.</summary>
/// <param name="Key">The primary key's column.</param>
/// <param name="Text">That key as text, and <paramref name="FromParameter"/> the way back from the statement's first parameter.</param>
/// <param name="First">A text before the key of every row.</param>
/// <param name="Place">Where the envelope is bound to, from the row's project (empty where there is none) and key.</param>
internal sealed record SealedColumn(
    string Table, string Column, string Key, string Text, string FromParameter, string First, string Project, Func<Guid, string, string> Place)
{
    private static readonly string s_zero = Guid.Empty.ToString();

    public static IReadOnlyList<SealedColumn> All { get; } =
    [
        ById("connections", "sealed", Connection.PlaceOf),
        ById("connections", "tokens", OAuthConnections.TokensPlace),
        ById("oauth_apps", "sealed", OAuthApp.PlaceOf),
        new("oauth_sign_ins", "sealed", "state_hash", "encode(state_hash, 'hex')", "decode($1, 'hex')", "", "project_id",
            (_, key) => SignIns.PlaceOf(Convert.FromHexString(key))),
        ById("flow_hooks", "sealed_secret", HookWork.SecretPlaceOf),
        ById("flow_hooks", "sealed_state", HookWork.StatePlaceOf),
    ];

    /// <summary>The key's id, as it stands in the envelope.</summary>
    public string KeyIdSql => $"encode(substring({Column} FROM 2 FOR 4), 'hex')";

    private static SealedColumn ById(string table, string column, Func<Guid, Guid, string> place) =>
        new(table, column, "id", "id::text", "$1::uuid", s_zero, "project_id", (project, key) => place(project, Guid.Parse(key)));
}

/// <summary>Counts envelopes by key, and seals them anew, some at a time.</summary>
internal sealed class SealedRows(NpgsqlDataSource db, SecretEnvelope envelope)
{
    /// <summary>Rows by the id of the key that sealed them, and their table.</summary>
    public async Task<IReadOnlyList<(string KeyId, string Table, long Rows)>> CountAsync(CancellationToken cancel)
    {
        await using var command = db.CreateCommand(string.Join(" UNION ALL ", SealedColumn.All.Select(column =>
            $"SELECT {column.KeyIdSql}, '{column.Table}', count(*) FROM {column.Table} WHERE {column.Column} IS NOT NULL GROUP BY 1")));
        var found = new List<(string, string, long)>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            found.Add((row.GetString(0), row.GetString(1), row.GetInt64(2)));
        return [.. found.GroupBy(one => (one.Item1, one.Item2)).Select(group => (group.Key.Item1, group.Key.Item2, group.Sum(one => one.Item3))).Order()];
    }

    /// <summary>Seals the next rows of a column with the present key, inside the caller's transaction.</summary>
    /// <param name="after">Key of the last row that was looked at, as text; empty at the beginning.</param>
    /// <returns>How many were looked at, the last of them, and how many of them no key opens.</returns>
    public async Task<(int Seen, string Last, int Broken)> SealAnewAsync(NpgsqlConnection connection, SealedColumn column, string after, int most, CancellationToken cancel)
    {
        var found = new List<(string Key, Guid Project, byte[] Sealed)>();
        await using (var command = new NpgsqlCommand($"""
            SELECT {column.Text}, {column.Project}, {column.Column} FROM {column.Table}
            WHERE {column.Key} > {column.FromParameter} AND {column.Column} IS NOT NULL AND {column.KeyIdSql} <> $2
            ORDER BY {column.Key} LIMIT $3 FOR NO KEY UPDATE
            """, connection)
        {
            Parameters =
            {
                RunSql.Value(after.Length == 0 ? column.First : after, NpgsqlDbType.Text), RunSql.Value(envelope.CurrentKeyId, NpgsqlDbType.Text), RunSql.Value(most, NpgsqlDbType.Integer),
            },
        })
        await using (var row = await command.ExecuteReaderAsync(cancel))
        {
            while (await row.ReadAsync(cancel))
                found.Add((row.GetString(0), row.GetGuid(1), row.GetFieldValue<byte[]>(2)));
        }
        var broken = 0;
        foreach (var (key, project, bytes) in found)
        {
            var place = column.Place(project, key);
            byte[] anew;
            try
            {
                anew = envelope.Seal(envelope.Open(bytes, place), place);
            }
            catch (SealBrokenException)
            {
                broken++; // it stays as it is: the key may be given back
                continue;
            }
            await using var update = new NpgsqlCommand($"UPDATE {column.Table} SET {column.Column} = $2 WHERE {column.Key} = {column.FromParameter}", connection)
            { Parameters = { RunSql.Value(key, NpgsqlDbType.Text), RunSql.Value(anew, NpgsqlDbType.Bytea) } };
            await update.ExecuteNonQueryAsync(cancel);
        }
        return (found.Count, found.Count == 0 ? after : found[^1].Key, broken);
    }
}
