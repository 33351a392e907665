using Microsoft.AspNetCore.Routing.Patterns;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Audit;

/// <summary>That what an endpoint changes is in the audit log.</summary>
/// <param name="Action">What the filter calls it when the handler itself has not written the row.</param>
/// <param name="Ahead">The handler writes none, and the row is there before the change.</param>
internal sealed record Audited(string Action, bool Ahead);

/// <summary>Why an endpoint that is no GET is not in the audit log.</summary>
internal sealed record NotAudited(string Reason);

internal static class AuditMetadata
{
    /// <summary>What it does when it succeeds is in the audit log, with the ids of its address.</summary>
    /// <param name="ahead">For a handler that has no transaction to write the row in.</param>
    public static TBuilder Audited<TBuilder>(this TBuilder endpoint, string action, bool ahead = false) where TBuilder : IEndpointConventionBuilder
    {
        endpoint.WithMetadata(new Audited(action, ahead));
        return endpoint.AddEndpointFilter<TBuilder, AuditedFilter>();
    }

    public static TBuilder NotAudited<TBuilder>(this TBuilder endpoint, string because) where TBuilder : IEndpointConventionBuilder =>
        endpoint.WithMetadata(new NotAudited(because));
}

/// <summary>
/// Writes the row of an endpoint whose handler does not. What is done to runs, to the queue or by one statement has no transaction to join: its row
/// is written ahead, with an outcome that is unknown, and is completed or taken back when the outcome is known. Dying in between leaves the row as
/// it is. A handler that should have written its row and has not gets one right after the change, and a Postgres that is gone by then is told in the log.
/// </summary>
internal sealed partial class AuditedFilter(NpgsqlDataSource source, ILogger<AuditedFilter> log) : IEndpointFilter
{
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(5);

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        var trail = AuditTrail.Of(http);
        var audited = http.GetEndpoint()?.Metadata.GetMetadata<Audited>();
        if (audited is { Ahead: true })
            return await WriteAheadAsync(context, next, trail, audited.Action);
        var result = await next(context);
        if (audited is not null && !trail.IsWritten && HasSucceeded(result, http))
        {
            var row = trail.Told(audited.Action, Target(http));
            await SettleAsync(row, Insert(row));
        }
        return result;
    }

    private async Task<object?> WriteAheadAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next, AuditTrail trail, string action)
    {
        var http = context.HttpContext;
        trail.Tell(after: new { Outcome = "unknown" });
        var row = trail.Told(action, Target(http));
        await using (var insert = Insert(row))
            await insert.ExecuteNonQueryAsync(http.RequestAborted); // who cannot be written down does nothing
        trail.Tell();
        var result = await next(context);
        NpgsqlCommand settle;
        if (HasSucceeded(result, http))
        {
            var told = trail.Told(action, row.Target);
            settle = source.CreateCommand("UPDATE audit SET before = $2, after = $3 WHERE id = $1");
            settle.Parameters.AddWithValue(NpgsqlDbType.Uuid, row.Id);
            settle.Parameters.AddWithValue(NpgsqlDbType.Json, (object?)told.Before ?? DBNull.Value);
            settle.Parameters.AddWithValue(NpgsqlDbType.Json, (object?)told.After ?? DBNull.Value);
        }
        else
        {
            settle = source.CreateCommand("DELETE FROM audit WHERE id = $1");
            settle.Parameters.AddWithValue(NpgsqlDbType.Uuid, row.Id);
        }
        await SettleAsync(row, settle);
        return result;
    }

    private static bool HasSucceeded(object? result, HttpContext http)
    {
        while (result is INestedHttpResult nested)
            result = nested.Result;
        return ((result as IStatusCodeHttpResult)?.StatusCode ?? http.Response.StatusCode) < 400;
    }

    // The first id of the address: run:0199… of /runs/{runId}, flow:0199… of /flows/{id}.
    private static string? Target(HttpContext http)
    {
        if (http.GetEndpoint() is not RouteEndpoint { RoutePattern.PathSegments: var segments })
            return null;
        var word = "";
        foreach (var segment in segments)
        {
            if (segment.Parts is [RoutePatternLiteralPart literal])
                word = literal.Content[(literal.Content.LastIndexOf('-') + 1)..].TrimEnd('s');
            else if (segment.Parts is [RoutePatternParameterPart parameter] && Guid.TryParse(http.Request.RouteValues[parameter.Name] as string, out var id))
                return $"{(parameter.Name.EndsWith("Id", StringComparison.Ordinal) ? parameter.Name[..^2] : word)}:{id}";
        }
        return null;
    }

    private NpgsqlCommand Insert(AuditRow row)
    {
        var command = source.CreateCommand("""
            INSERT INTO audit (id, project_id, at, actor_kind, actor_id, actor, address, action, target, before, after)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            """);
        command.Parameters.AddWithValue(NpgsqlDbType.Uuid, row.Id);
        command.Parameters.AddWithValue(NpgsqlDbType.Uuid, (object?)row.ProjectId ?? DBNull.Value);
        command.Parameters.AddWithValue(NpgsqlDbType.TimestampTz, row.At);
        command.Parameters.AddWithValue(NpgsqlDbType.Smallint, (short)row.ActorKind);
        command.Parameters.AddWithValue(NpgsqlDbType.Uuid, (object?)row.ActorId ?? DBNull.Value);
        command.Parameters.AddWithValue(NpgsqlDbType.Text, row.Actor);
        command.Parameters.AddWithValue(NpgsqlDbType.Text, (object?)row.Address ?? DBNull.Value);
        command.Parameters.AddWithValue(NpgsqlDbType.Text, row.Action);
        command.Parameters.AddWithValue(NpgsqlDbType.Text, (object?)row.Target ?? DBNull.Value);
        command.Parameters.AddWithValue(NpgsqlDbType.Json, (object?)row.Before ?? DBNull.Value);
        command.Parameters.AddWithValue(NpgsqlDbType.Json, (object?)row.After ?? DBNull.Value);
        return command;
    }

    /// <summary>What is written behind the change.</summary>
    private async Task SettleAsync(AuditRow row, NpgsqlCommand command)
    {
        // Not the request's token: a caller who hangs up has done it all the same.
        using var limit = new CancellationTokenSource(s_longest);
        try
        {
            await using (command)
                await command.ExecuteNonQueryAsync(limit.Token);
        }
        catch (Exception error) when (error is NpgsqlException or OperationCanceledException)
        {
            LogLost(log, row.Action, row.Target, row.ActorKind, row.ActorId, error.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The audit log could not be written: {Action} {Target} by {ActorKind} {ActorId}: {Reason}")]
    private static partial void LogLost(ILogger log, string action, string? target, Access.CallerKind actorKind, Guid? actorId, string reason);
}
