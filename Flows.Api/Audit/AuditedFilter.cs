using Microsoft.AspNetCore.Routing.Patterns;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Audit;

/// <summary>That what an endpoint changes is in the audit log.</summary>
/// <param name="Action">What the filter calls it when the handler itself has not written the row.</param>
internal sealed record Audited(string Action);

/// <summary>Why an endpoint that is no GET is not in the audit log.</summary>
internal sealed record NotAudited(string Reason);

internal static class AuditMetadata
{
    /// <summary>What it does when it succeeds is in the audit log, with the ids of its address.</summary>
    public static TBuilder Audited<TBuilder>(this TBuilder endpoint, string action) where TBuilder : IEndpointConventionBuilder
    {
        endpoint.WithMetadata(new Audited(action));
        return endpoint.AddEndpointFilter<TBuilder, AuditedFilter>();
    }

    public static TBuilder NotAudited<TBuilder>(this TBuilder endpoint, string because) where TBuilder : IEndpointConventionBuilder =>
        endpoint.WithMetadata(new NotAudited(because));
}

/// <summary>
/// Writes the row of an endpoint whose handler does not: what is done to runs and to the queue, which have no transaction to join.
/// Right after the change: dying between the two loses the row, and a Postgres that is gone by then is told in the log.
/// </summary>
internal sealed partial class AuditedFilter(NpgsqlDataSource source, ILogger<AuditedFilter> log) : IEndpointFilter
{
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(5);

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var result = await next(context);
        var http = context.HttpContext;
        if (!HasSucceeded(result, http))
            return result;
        var trail = AuditTrail.Of(http);
        if (!trail.IsWritten && http.GetEndpoint()?.Metadata.GetMetadata<Audited>() is { } audited)
            await WriteAsync(trail.Told(audited.Action, Target(http)));
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

    private async Task WriteAsync(AuditRow row)
    {
        // Not the request's token: a caller who hangs up has done it all the same.
        using var limit = new CancellationTokenSource(s_longest);
        try
        {
            await using var command = source.CreateCommand("""
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
