using Flows.Api.Runs;
using Flows.Api.Workers;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Storage;

/// <summary>What flows keep between runs: a value for each key, of the flow or of the whole project.</summary>
internal sealed class StoredValues(IOptions<LimitsOptions> limits)
{
    /// <exception cref="HostCallRefusal"/>
    public static async Task<RawJson> GetAsync(HeldCall call, StoredKey key, CancellationToken cancel)
    {
        await using var command = Command(call, key.Project, key.Key, "SELECT value FROM stored_values WHERE project_id = $1 AND flow_id = $2 AND key = $3");
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel) ? row.JsonOrNull(0) ?? RawJson.Null : RawJson.Null;
    }

    /// <exception cref="HostCallRefusal"/>
    public async Task PutAsync(HeldCall call, StoredValue value, CancellationToken cancel)
    {
        if (value.Value.Length > HostCalls.LargestValue)
            throw new HostCallRefusal("limit", $"The value of '{value.Key}' has {value.Value.Length} bytes; at most {HostCalls.LargestValue} can be kept (limit: StoredValue).");
        await CheckRoomAsync(call, value.Project, value.Key, value.Value.Length, cancel);
        await using var command = Command(call, value.Project, value.Key, """
            INSERT INTO stored_values (project_id, flow_id, key, value) VALUES ($1, $2, $3, $4)
            ON CONFLICT (project_id, flow_id, key) DO UPDATE SET value = EXCLUDED.value, updated_at = now()
            """, RunSql.Value(value.Value.Utf8, NpgsqlDbType.Json));
        await command.ExecuteNonQueryAsync(cancel);
    }

    /// <returns>True when there was a value.</returns>
    /// <exception cref="HostCallRefusal"/>
    public static async Task<bool> DeleteAsync(HeldCall call, StoredKey key, CancellationToken cancel)
    {
        await using var command = Command(call, key.Project, key.Key, "DELETE FROM stored_values WHERE project_id = $1 AND flow_id = $2 AND key = $3");
        return await command.ExecuteNonQueryAsync(cancel) > 0;
    }

    /// <summary>Adds to a number. A step that tries again gets the result of the first time: the key and the number are committed together.</summary>
    /// <exception cref="HostCallRefusal"/>
    public async Task<decimal> IncrementAsync(HeldCall call, StoredIncrement increment, CancellationToken cancel)
    {
        if (increment.IdempotencyKey is not { Length: > 0 and <= 2000 })
            throw new HostCallRefusal("input", "An increment has an idempotency key.");
        await using (var done = call.Command("SELECT result FROM run_increments WHERE run_id = $1 AND idempotency_key = $2",
            RunSql.Value(call.Run, NpgsqlDbType.Uuid), RunSql.Value(increment.IdempotencyKey, NpgsqlDbType.Text)))
        {
            if (await done.ExecuteScalarAsync(cancel) is decimal before)
                return before;
        }

        await CheckRoomAsync(call, increment.Project, increment.Key, 0, cancel);
        await using var command = Command(call, increment.Project, increment.Key, """
            WITH added AS (
                INSERT INTO stored_values AS s (project_id, flow_id, key, value) VALUES ($1, $2, $3, to_json($4::numeric))
                ON CONFLICT (project_id, flow_id, key) DO UPDATE SET value = to_json((s.value #>> '{}')::numeric + $4), updated_at = now()
                WHERE json_typeof(s.value) = 'number'
                RETURNING (value #>> '{}')::numeric AS result
            ), noted AS (
                INSERT INTO run_increments (run_id, idempotency_key, result) SELECT $5, $6, result FROM added
            )
            SELECT result FROM added
            """,
            RunSql.Value(increment.By, NpgsqlDbType.Numeric), RunSql.Value(call.Run, NpgsqlDbType.Uuid), RunSql.Value(increment.IdempotencyKey, NpgsqlDbType.Text));
        return await command.ExecuteScalarAsync(cancel) is decimal result
            ? result
            : throw new HostCallRefusal("not_a_number", $"The value of '{increment.Key}' is not a number.");
    }

    /// <exception cref="HostCallRefusal"/>
    public static async Task<IReadOnlyList<string>> ListAsync(HeldCall call, StoredKeys keys, CancellationToken cancel)
    {
        await using var command = call.Command("""
            SELECT key FROM stored_values WHERE project_id = $1 AND flow_id = $2 AND starts_with(key, $3) AND ($4::text IS NULL OR key > $4) ORDER BY key LIMIT $5
            """,
            RunSql.Value(call.Project, NpgsqlDbType.Uuid), RunSql.Value(FlowOf(call, keys.Project), NpgsqlDbType.Uuid),
            RunSql.Value(keys.Prefix ?? "", NpgsqlDbType.Text), new NpgsqlParameter { Value = (object?)keys.After ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text },
            RunSql.Value(Math.Clamp(keys.Limit, 1, HostCalls.MostKeys), NpgsqlDbType.Integer));
        var found = new List<string>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            found.Add(row.GetString(0));
        return found;
    }

    // Callers at the same moment may go over by what each of them adds.
    private async Task CheckRoomAsync(HeldCall call, bool project, string key, int bytes, CancellationToken cancel)
    {
        await using var command = Command(call, project, key, """
            SELECT count(*), coalesce(sum(pg_column_size(value)), 0)::bigint FROM stored_values WHERE project_id = $1 AND NOT (flow_id = $2 AND key = $3)
            """);
        await using var row = await command.ExecuteReaderAsync(cancel);
        await row.ReadAsync(cancel);
        var (values, used) = (row.GetInt64(0), row.GetInt64(1));
        if (values >= limits.Value.StoredValues)
            throw new HostCallRefusal("limit", $"The project keeps {values} values, which is as many as it may (limit: Flows__Limits__StoredValues).");
        if (used + bytes > (long)limits.Value.StoredMiB << 20)
            throw new HostCallRefusal("limit", $"The values that the project keeps would be larger than the {limits.Value.StoredMiB} MiB they may be (limit: Flows__Limits__StoredMiB).");
    }

    private static NpgsqlCommand Command(HeldCall call, bool project, string key, string sql, params ReadOnlySpan<NpgsqlParameter> more)
    {
        if (key is not { Length: > 0 and <= HostCalls.LongestKey } || key.Contains('\0', StringComparison.Ordinal))
            throw new HostCallRefusal("input", $"A key has 1 to {HostCalls.LongestKey} characters.");
        return call.Command(sql,
            [RunSql.Value(call.Project, NpgsqlDbType.Uuid), RunSql.Value(FlowOf(call, project), NpgsqlDbType.Uuid), RunSql.Value(key, NpgsqlDbType.Text), .. more]);
    }

    private static Guid FlowOf(HeldCall call, bool project) => project ? Guid.Empty : call.Flow;
}
