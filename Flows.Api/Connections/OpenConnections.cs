using Flows.Api.Runs;
using Flows.Contracts.Json;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Connections;

/// <summary>Opens connections for pieces that are asked something outside of a run.</summary>
internal sealed class OpenConnections(NpgsqlDataSource db, SecretEnvelope envelope)
{
    /// <summary>The fields with their secrets; null when the project has no such connection, or it cannot be opened: the piece then says that it needs one.</summary>
    public async Task<RawJson?> OpenAsync(Guid projectId, string key, CancellationToken cancel)
    {
        await using var command = db.CreateCommand("SELECT id, sealed FROM connections WHERE project_id = $1 AND key = $2");
        command.Parameters.Add(RunSql.Value(projectId, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(key, NpgsqlDbType.Text));
        await using var row = await command.ExecuteReaderAsync(cancel);
        if (!await row.ReadAsync(cancel))
            return null;
        try
        {
            return RawJson.FromUtf8(envelope.Open(row.GetFieldValue<byte[]>(1), Connection.PlaceOf(projectId, row.GetGuid(0))));
        }
        catch (SealBrokenException)
        {
            return null;
        }
    }
}
