using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Flows.Api.Connections;
using Flows.Api.Files;
using Flows.Api.Runs;
using Flows.Api.Storage;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Workers;

/// <summary>What steps ask of the API through their worker. See <see cref="HostCalls"/>.</summary>
internal static class HostCallEndpoints
{
    public static Delegate Handler => Call;

    // One transaction: the run's row is locked against the loss of the claim until the call's own rows are committed, so that a run that was
    // taken over writes nothing. A refusal rolls back.
    private static async Task<Results<JsonHttpResult<HostCallResponse>, ProblemHttpResult>> Call(
        Guid runId, HttpRequest http, NpgsqlDataSource db, RunFileStore files, StoredValues stored, ClaimedValues connections, CancellationToken cancel)
    {
        var request = await RequestBody.ReadAsync(http, WorkerJson.Default.HostCallRequest, cancel);
        if (request is not { Worker.Length: > 0, Call.Length: > 0 })
            return Problems.BadRequest("$.call", "A call names its worker and what it wants.");

        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        if (await HeldCall.BeginAsync(connection, runId, request, cancel) is not { } call)
            return RunProblems.Of(StatusCodes.Status409Conflict, "stale", "The run is no longer this attempt's.");
        HostCallResponse response;
        try
        {
            if (request.Call == HostCalls.RefreshConnection)
            {
                // It may wait for a service: the run's row must not be locked meanwhile, or its lease could not be renewed.
                var used = Read(request, HostCallJson.Default.UsedConnection);
                await transaction.CommitAsync(cancel);
                await connection.CloseAsync();
                return Json(await connections.RenewForAsync(call.Project, call.Version, used, cancel));
            }
            response = await AnswerAsync(call, request, files, stored, cancel);
        }
        catch (HostCallRefusal refusal)
        {
            return Json(new HostCallResponse(RawJson.Null, Error: new StepError(refusal.Code, refusal.Message)));
        }
        catch (JsonException)
        {
            return Problems.BadRequest("$.arguments", $"They are not those of '{request.Call}'.");
        }
        catch (PostgresException error) when (RunSql.IsRefusedData(error))
        {
            return Json(new HostCallResponse(RawJson.Null, Error: new StepError("input", $"It cannot be stored: {error.MessageText}.")));
        }
        await transaction.CommitAsync(cancel);
        return Json(response);
    }

    private static async Task<HostCallResponse> AnswerAsync(HeldCall call, HostCallRequest request, RunFileStore files, StoredValues stored, CancellationToken cancel)
    {
        switch (request.Call)
        {
            case HostCalls.CreateFile:
                return Of(await files.CreateAsync(call, Read(request, HostCallJson.Default.CreateFile), cancel), HostCallJson.Default.FileReference);
            case HostCalls.AppendFile:
                await files.AppendAsync(call, Read(request, HostCallJson.Default.FileChunk), request.Data, cancel);
                return new HostCallResponse(RawJson.Null);
            case HostCalls.FinishFile:
                return Of(await files.FinishAsync(call, Read(request, HostCallJson.Default.FileName).File, cancel), HostCallJson.Default.FileReference);
            case HostCalls.OpenFile:
                return Of((await FindAsync(call, Read(request, HostCallJson.Default.FileName).File, cancel)).File, HostCallJson.Default.FileReference);
            case HostCalls.ReadFile:
                var chunk = Read(request, HostCallJson.Default.FileChunk);
                var (id, _) = await FindAsync(call, chunk.File, cancel);
                return new HostCallResponse(RawJson.Null, await RunFileStore.ReadChunkAsync(call.Connection, id, chunk.Index, cancel));
            case HostCalls.StorageGet:
                return new HostCallResponse(await StoredValues.GetAsync(call, Read(request, HostCallJson.Default.StoredKey), cancel));
            case HostCalls.StoragePut:
                await stored.PutAsync(call, Read(request, HostCallJson.Default.StoredValue), cancel);
                return new HostCallResponse(RawJson.Null);
            case HostCalls.StorageDelete:
                return Of(await StoredValues.DeleteAsync(call, Read(request, HostCallJson.Default.StoredKey), cancel), HostCallJson.Default.Boolean);
            case HostCalls.StorageIncrement:
                return Of(await stored.IncrementAsync(call, Read(request, HostCallJson.Default.StoredIncrement), cancel), HostCallJson.Default.Decimal);
            case HostCalls.StorageList:
                return Of(await StoredValues.ListAsync(call, Read(request, HostCallJson.Default.StoredKeys), cancel), HostCallJson.Default.IReadOnlyListString);
            default:
                throw new HostCallRefusal("internal", $"This API does not know the call '{request.Call}'; it is older than the worker.");
        }
    }

    private static async Task<(FileId Id, FileReference File)> FindAsync(HeldCall call, string file, CancellationToken cancel) =>
        FileId.TryParse(file, out var id) && await RunFileStore.FindAsync(call.Connection, call.Project, id, cancel) is { } found ? (id, found) : throw RunFileStore.NotFound();

    private static T Read<T>(HostCallRequest request, JsonTypeInfo<T> type) =>
        JsonSerializer.Deserialize(request.Arguments.Utf8.Span, type) ?? throw new JsonException("An object is expected.");

    private static HostCallResponse Of<T>(T value, JsonTypeInfo<T> type) => new(RawJson.FromUtf8(JsonSerializer.SerializeToUtf8Bytes(value, type)));

    private static JsonHttpResult<HostCallResponse> Json(HostCallResponse response) => TypedResults.Json(response, WorkerJson.Default.HostCallResponse);
}

/// <summary>Why a call was not done, for the step that made it.</summary>
internal sealed class HostCallRefusal(string code, string message) : Exception(message)
{
    public string Code => code;
}

/// <summary>A call of a run that its caller holds, inside the call's transaction.</summary>
internal sealed record HeldCall(NpgsqlConnection Connection, Guid Run, Guid Project, Guid Flow, Guid Version)
{
    /// <returns>Null when the run is no longer this attempt's.</returns>
    public static async Task<HeldCall?> BeginAsync(NpgsqlConnection connection, Guid run, HostCallRequest request, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(
            "SELECT r.project_id, r.flow_id, r.version_id FROM runs r WHERE r.id = $1 AND r.attempt = $2 AND r.worker = $3 AND r.status + 0 = 1 FOR SHARE", connection)
        {
            Parameters = { RunSql.Value(run, NpgsqlDbType.Uuid), RunSql.Value(request.Attempt, NpgsqlDbType.Integer), RunSql.Value(request.Worker, NpgsqlDbType.Text) },
        };
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel) ? new HeldCall(connection, run, row.GetGuid(0), row.GetGuid(1), row.GetGuid(2)) : null;
    }

    public NpgsqlCommand Command(string sql, params ReadOnlySpan<NpgsqlParameter> parameters)
    {
        var command = new NpgsqlCommand(sql, Connection);
        foreach (var parameter in parameters)
            command.Parameters.Add(parameter);
        return command;
    }
}
