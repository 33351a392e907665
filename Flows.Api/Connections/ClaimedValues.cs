using Flows.Api.Runs;
using Flows.Contracts.Definitions;
using Flows.Contracts.Json;
using Flows.Contracts.WorkerProtocol;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Connections;

/// <summary>
/// Puts into claims what their flows name: connections, opened, and the project's variables. A flow that names nothing costs nothing.
/// A key without a connection is left out; the step that needs it says so.
/// </summary>
internal sealed partial class ClaimedValues(NpgsqlDataSource db, VersionNeeds versions, SecretEnvelope envelope, ILogger<ClaimedValues> log)
{
    public async Task<ClaimResponse> FillAsync(ClaimResponse response, CancellationToken cancel)
    {
        if (response.Claims.Count == 0)
            return response;
        var needs = await versions.OfAsync(response.Claims.Select(claim => claim.VersionId), cancel);
        var connections = await ConnectionsAsync(response.Claims, needs, cancel);
        var variables = await VariablesAsync(response.Claims, needs, cancel);
        if (connections.Count == 0 && variables.Count == 0)
            return response;

        return response with
        {
            Claims = [.. response.Claims.Select(claim => claim with
            {
                Connections = needs[claim.VersionId].Connections
                    .Where(key => connections.ContainsKey((claim.ProjectId, key))).ToDictionary(key => key, key => connections[(claim.ProjectId, key)]),
                Variables = needs[claim.VersionId].Variables && variables.TryGetValue(claim.ProjectId, out var found) ? found : claim.Variables,
            })],
        };
    }

    private async Task<Dictionary<(Guid Project, string Key), RawJson>> ConnectionsAsync(
        IReadOnlyList<RunClaim> claims, IReadOnlyDictionary<Guid, FlowNeeds> needs, CancellationToken cancel)
    {
        var opened = new Dictionary<(Guid, string), RawJson>();
        var asked = claims.SelectMany(claim => needs[claim.VersionId].Connections.Select(key => (claim.ProjectId, Key: key))).Distinct().ToList();
        if (asked.Count == 0)
            return opened;
        await using var command = db.CreateCommand(
            "SELECT c.project_id, c.key, c.id, c.sealed FROM unnest($1::uuid[], $2::text[]) AS a(project_id, key) JOIN connections c USING (project_id, key)");
        command.Parameters.Add(RunSql.Array(asked.Select(ask => ask.ProjectId).ToArray(), NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Array(asked.Select(ask => ask.Key).ToArray(), NpgsqlDbType.Text));
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            var (project, key, id) = (row.GetGuid(0), row.GetString(1), row.GetGuid(2));
            try
            {
                opened[(project, key)] = RawJson.FromUtf8(envelope.Open(row.GetFieldValue<byte[]>(3), Connection.PlaceOf(project, id)));
            }
            catch (SealBrokenException error)
            {
                // The others must not wait for it: the run's step fails and names the connection.
                LogBroken(log, id, error.Message);
            }
        }
        return opened;
    }

    private async Task<Dictionary<Guid, IReadOnlyDictionary<string, RawJson>>> VariablesAsync(
        IReadOnlyList<RunClaim> claims, IReadOnlyDictionary<Guid, FlowNeeds> needs, CancellationToken cancel)
    {
        var projects = claims.Where(claim => needs[claim.VersionId].Variables).Select(claim => claim.ProjectId).Distinct().ToArray();
        if (projects.Length == 0)
            return [];
        var found = new Dictionary<Guid, Dictionary<string, RawJson>>();
        await using var command = db.CreateCommand("SELECT project_id, key, value FROM variables WHERE project_id = ANY($1)");
        command.Parameters.Add(RunSql.Array(projects, NpgsqlDbType.Uuid));
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            if (!found.TryGetValue(row.GetGuid(0), out var ofProject))
                found[row.GetGuid(0)] = ofProject = new Dictionary<string, RawJson>(StringComparer.Ordinal);
            ofProject[row.GetString(1)] = row.JsonOrNull(2) ?? RawJson.Null;
        }
        return found.ToDictionary(entry => entry.Key, entry => (IReadOnlyDictionary<string, RawJson>)entry.Value);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The connection {Connection} cannot be opened. {Reason}")]
    private static partial void LogBroken(ILogger log, Guid connection, string reason);
}
