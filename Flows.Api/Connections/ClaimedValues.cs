using Flows.Api.Connections.OAuth;
using Flows.Api.Runs;
using Flows.Contracts.Definitions;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Connections;

/// <summary>
/// Puts into claims what their flows name: connections, opened, and the project's variables. A flow that names nothing costs nothing.
/// A key without a connection is left out; the step that needs it says so, and says why where there is more to say.
/// </summary>
internal sealed partial class ClaimedValues(
    NpgsqlDataSource db, VersionNeeds versions, SecretEnvelope envelope, TokenKeeper tokens, OpenConnections open, TimeProvider clock, ILogger<ClaimedValues> log)
{
    /// <summary>The runs are the worker's already, and its leases run. What is not there by then the step asks for itself.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    public async Task<ClaimResponse> FillAsync(ClaimResponse response, CancellationToken cancel)
    {
        if (response.Claims.Count == 0)
            return response;
        var needs = await versions.OfAsync(response.Claims.Select(claim => claim.VersionId), cancel);
        var connections = await ConnectionsAsync(response.Claims, needs, cancel);
        var variables = await VariablesAsync(response.Claims, needs, cancel);
        if (connections.Count == 0 && variables.Count == 0)
            return response;
        await RenewAsync(connections, cancel);

        return response with
        {
            Claims = [.. response.Claims.Select(claim => claim with
            {
                Connections = Of(claim).Where(pair => pair.Found.Value is not null).ToDictionary(pair => pair.Key, pair => pair.Found.Value!.Value),
                ConnectionProblems = Of(claim).Any(pair => pair.Found.Problem is not null)
                    ? Of(claim).Where(pair => pair.Found.Problem is not null).ToDictionary(pair => pair.Key, pair => pair.Found.Problem!) : null,
                Variables = needs[claim.VersionId].Variables && variables.TryGetValue(claim.ProjectId, out var found) ? found : claim.Variables,
            })],
        };

        IEnumerable<(string Key, Found Found)> Of(RunClaim claim) =>
            needs[claim.VersionId].Connections.Where(key => connections.ContainsKey((claim.ProjectId, key))).Select(key => (key, connections[(claim.ProjectId, key)]));
    }

    /// <summary>A token for a step that the service has refused with the one it had; never of a connection that the run's version does not name.</summary>
    public async Task<HostCallResponse> RenewForAsync(Guid project, Guid version, UsedConnection used, CancellationToken cancel)
    {
        if (!(await versions.OfAsync([version], cancel))[version].Connections.Contains(used.Key))
            return Refused(new StepError("input", $"the flow does not name the connection '{used.Key}'."));
        var other = await open.RenewAsync(project, used.Key, used.Token.Length == 0 ? null : used.Token, cancel);
        return other.Connection is { } connection ? new HostCallResponse(connection) : Refused(other.Problem!, other.IsTransient);

        static HostCallResponse Refused(StepError error, bool isPassing = false) => new(RawJson.Null, Error: error, IsTransient: isPassing);
    }

    // Few are ever due here: most are renewed long before. One that is late keeps the token it has, with which the step may still get through.
    private async Task RenewAsync(Dictionary<(Guid, string), Found> connections, CancellationToken cancel)
    {
        var due = connections.Where(pair => pair.Value.IsDue).ToList();
        if (due.Count == 0)
            return;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(s_patience);
        await Task.WhenAll(due.Select(pair => TakeRenewedAsync(pair.Value, limit.Token, cancel)));
    }

    private async Task TakeRenewedAsync(Found found, CancellationToken limit, CancellationToken cancel)
    {
        Renewal renewal;
        try
        {
            renewal = await tokens.RenewAsync(found.Id, refused: null, limit);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            renewal = TokenKeeper.Passing("the token of the connection could not be renewed in time.");
        }
        if (renewal.Tokens is { } fresh)
            found.Value = RawJson.FromUtf8(fresh.ForEngine());
        else if (found.Value is null || !renewal.IsPassing)
            (found.Value, found.Problem) = (null, renewal.Problem);
    }

    private async Task<Dictionary<(Guid Project, string Key), Found>> ConnectionsAsync(
        IReadOnlyList<RunClaim> claims, IReadOnlyDictionary<Guid, FlowNeeds> needs, CancellationToken cancel)
    {
        var opened = new Dictionary<(Guid, string), Found>();
        var asked = claims.SelectMany(claim => needs[claim.VersionId].Connections.Select(key => (claim.ProjectId, Key: key))).Distinct().ToList();
        if (asked.Count == 0)
            return opened;
        await using var command = db.CreateCommand(
            """
            SELECT c.project_id, c.key, c.id, CASE WHEN c.kind = 'oauth2' THEN c.tokens ELSE c.sealed END, c.kind = 'oauth2', c.status, c.problem
            FROM unnest($1::uuid[], $2::text[]) AS a(project_id, key) JOIN connections c USING (project_id, key)
            """);
        command.Parameters.Add(RunSql.Array(asked.Select(ask => ask.ProjectId).ToArray(), NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Array(asked.Select(ask => ask.Key).ToArray(), NpgsqlDbType.Text));
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            var (project, key, id) = (row.GetGuid(0), row.GetString(1), row.GetGuid(2));
            try
            {
                opened[(project, key)] = row.GetBoolean(4)
                    ? OfTokens(row, project, key, id)
                    : new Found(id) { Value = RawJson.FromUtf8(envelope.Open(row.GetFieldValue<byte[]>(3), Connection.PlaceOf(project, id))) };
            }
            catch (SealBrokenException error)
            {
                // The others must not wait for it: the run's step fails and names the connection.
                LogBroken(log, id, error.Message);
                opened[(project, key)] = new Found(id) { Problem = new StepError("connection_sealed", $"the connection '{key}' cannot be opened. {error.Message}") };
            }
        }
        return opened;
    }

    private Found OfTokens(NpgsqlDataReader row, Guid project, string key, Guid id)
    {
        if ((ConnectionStatus)row.GetInt16(5) == ConnectionStatus.NeedsSignIn)
        {
            var problem = row.IsDBNull(6) ? "nobody has signed in yet." : row.GetString(6);
            return new Found(id) { Problem = new StepError(OAuthConnection.NeedsSignInCode, $"the connection '{key}' needs a sign-in: {problem}") };
        }
        var found = row.IsDBNull(3) ? null : OAuthTokens.From(envelope.Open(row.GetFieldValue<byte[]>(3), OAuthConnections.TokensPlace(project, id)));
        return new Found(id) { Value = found is null ? null : RawJson.FromUtf8(found.ForEngine()), IsDue = found?.IsNearItsEnd(clock.GetUtcNow()) ?? true };
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

    /// <summary>One connection as claims carry it: with a value, or with the reason why there is none.</summary>
    private sealed class Found(Guid id)
    {
        public Guid Id => id;
        public RawJson? Value { get; set; }
        public StepError? Problem { get; set; }
        /// <summary>True for a token that is missing or about to run out.</summary>
        public bool IsDue { get; init; }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The connection {Connection} cannot be opened. {Reason}")]
    private static partial void LogBroken(ILogger log, Guid connection, string reason);
}
