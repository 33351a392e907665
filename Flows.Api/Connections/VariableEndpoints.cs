using System.Text;
using System.Text.Json;
using Flows.Api.Access;
using Flows.Api.Audit;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Flows.Api.Connections;

/// <summary>The project's variables: values that flows share and that may be seen.</summary>
internal static class VariableEndpoints
{
    private const int MaxBytes = 64 * 1024;
    public const int MostVariables = 500;

    public static void MapVariables(this IEndpointRouteBuilder api)
    {
        var variables = api.MapGroup("/variables").WithTags("Variables");
        variables.MapGet("", List).Requires(Permission.ReadVariables).WithSummary("The project's variables, by key");
        variables.MapPut("/{key}", Put).Requires(Permission.EditVariables).Audited("variable.set").WithSummary("Set a variable to a JSON value; runs that start after it see it")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status409Conflict);
        variables.MapDelete("/{key}", Delete).Requires(Permission.EditVariables).Audited("variable.deleted").WithSummary("Delete a variable").ProducesProblem(StatusCodes.Status404NotFound);
    }

    private static async Task<Ok<VariableList>> List(CurrentProject project, FlowsDb db, CancellationToken cancel) =>
        TypedResults.Ok(new VariableList([.. (await db.Variables.AsNoTracking().Where(row => row.ProjectId == project.Id).OrderBy(row => row.Key).ToListAsync(cancel)).Select(VariableView.Of)]));

    private static async Task<Results<Ok<VariableView>, ProblemHttpResult>> Put(
        string key, PutVariableRequest request, CurrentProject project, FlowsDb db, AuditTrail audit, TimeProvider clock, CancellationToken cancel)
    {
        if (ExpressionKey.Problem(key) is { } badKey)
            return Problems.BadRequest("key", badKey);
        var value = request.Value.GetRawText();
        if (Problem(request.Value) is { } badValue)
            return Problems.BadRequest("$.value", badValue);
        if (await db.Variables.CountAsync(row => row.ProjectId == project.Id && row.Key != key, cancel) >= MostVariables)
            return Problems.Conflict($"The project has {MostVariables} variables, which is as many as there may be.");

        var now = clock.GetUtcNow();
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var before = await db.Variables.AsNoTracking().SingleOrDefaultAsync(row => row.ProjectId == project.Id && row.Key == key, cancel);
        await db.Database.ExecuteSqlAsync($"""
            INSERT INTO variables (project_id, key, value, updated_at) VALUES ({project.Id}, {key}, {value}::json, {now})
            ON CONFLICT (project_id, key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
            """, cancel);
        audit.Add(db, "variable.set", $"variable:{key}", before is null ? null : Told(before.Value), Told(value));
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        return TypedResults.Ok(new VariableView(key, request.Value, now));
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Delete(string key, CurrentProject project, FlowsDb db, AuditTrail audit, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var before = await db.Variables.AsNoTracking().SingleOrDefaultAsync(row => row.ProjectId == project.Id && row.Key == key, cancel);
        if (before is null || await db.Variables.Where(row => row.ProjectId == project.Id && row.Key == key).ExecuteDeleteAsync(cancel) == 0)
            return Problems.NotFound("There is no such variable.");
        audit.Add(db, "variable.deleted", $"variable:{key}", Told(before.Value));
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        return TypedResults.NoContent();
    }

    /// <summary>Null when a variable can have the value.</summary>
    internal static string? Problem(JsonElement value) =>
        value.ValueKind == JsonValueKind.Undefined ? "A value is needed."
        : Encoding.UTF8.GetByteCount(value.GetRawText()) > MaxBytes ? $"It has more than {MaxBytes / 1024} KiB of JSON."
        : null;

    // Variables may be seen by everybody in the project; the log keeps what fits a line.
    internal static object Told(string json) => json.Length <= 500 ? new { Value = (object)JsonElement.Parse(json) } : new { Value = (object)$"{json.Length} characters of JSON" };

    internal sealed record PutVariableRequest(JsonElement Value);
    internal sealed record VariableList(IReadOnlyList<VariableView> Items);
    internal sealed record VariableView(string Key, JsonElement Value, DateTimeOffset UpdatedAt)
    {
        public static VariableView Of(Variable row) => new(row.Key, JsonElement.Parse(row.Value), row.UpdatedAt);
    }
}
