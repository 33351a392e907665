using System.Text;
using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Flows;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Flows.Api.Connections.OAuth;

/// <summary>The id and secret that a service has given the project: connections name it instead of having their own.</summary>
internal sealed class OAuthApp
{
    public required Guid Id { get; init; }
    public required Guid ProjectId { get; init; }
    public required string Key { get; init; }
    public required string Name { get; set; }
    public required string ClientId { get; set; }
    /// <summary>The secret; empty text for a client that has none.</summary>
    public required byte[] Sealed { get; set; }
    public required DateTimeOffset CreatedAt { get; init; }
    public required DateTimeOffset UpdatedAt { get; set; }

    public static string PlaceOf(Guid projectId, Guid id) => $"oauth-app:{projectId:N}:{id:N}";
}

/// <summary>The project's OAuth apps. Their secrets go in and never come out.</summary>
internal static class OAuthAppEndpoints
{
    private const int MostApps = 100;
    private const int LongestText = 4096;

    public static void MapOAuthApps(this IEndpointRouteBuilder api)
    {
        var apps = api.MapGroup("/oauth-apps").WithTags("Connections");
        apps.MapGet("", List).Requires(Permission.ReadConnections).WithSummary("The project's OAuth apps, by key, without their secrets");
        apps.MapPut("/{key}", Put).Requires(Permission.EditConnections).Audited("oauth_app.set").WithSummary("Keep the client id and secret that a service has given the project; connections name it as 'app'")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status409Conflict);
        apps.MapDelete("/{key}", Delete).Requires(Permission.EditConnections).Audited("oauth_app.deleted").WithSummary("Delete an OAuth app that no connection names")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);
    }

    private static async Task<Ok<OAuthAppList>> List(CurrentProject project, FlowsDb db, CancellationToken cancel) =>
        TypedResults.Ok(new OAuthAppList([.. (await db.OAuthApps.AsNoTracking().Where(app => app.ProjectId == project.Id).OrderBy(app => app.Key).ToListAsync(cancel)).Select(OAuthAppView.Of)]));

    private static async Task<Results<Ok<OAuthAppView>, ProblemHttpResult>> Put(
        string key, PutOAuthAppRequest request, CurrentProject project, FlowsDb db, AuditTrail audit, SecretEnvelope envelope, TimeProvider clock, CancellationToken cancel)
    {
        if (ExpressionKey.Problem(key) is { } badKey)
            return Problems.BadRequest("key", badKey);
        if (request.Name is { } name && DisplayName.Problem(name) is { } badName)
            return Problems.BadRequest("$.name", badName);
        if (request.ClientId is not { Length: > 0 and <= LongestText } || request.ClientId.Any(char.IsControl))
            return Problems.BadRequest("$.clientId", $"It must have 1 to {LongestText} characters and no control characters.");
        if (request.ClientSecret is { } secret && (secret.Length > LongestText || secret.Any(char.IsControl)))
            return Problems.BadRequest("$.clientSecret", $"It must have at most {LongestText} characters and no control characters.");

        var now = clock.GetUtcNow();
        var row = await db.OAuthApps.SingleOrDefaultAsync(app => app.ProjectId == project.Id && app.Key == key, cancel);
        var before = row is null ? null : Told(row);
        if (row is null)
        {
            if (await db.OAuthApps.CountAsync(app => app.ProjectId == project.Id, cancel) >= MostApps)
                return Problems.Conflict($"The project has {MostApps} OAuth apps, which is as many as there may be.");
            var id = Guid.CreateVersion7(now);
            row = new OAuthApp { Id = id, ProjectId = project.Id, Key = key, Name = key, ClientId = "", Sealed = [], CreatedAt = now, UpdatedAt = now };
            db.OAuthApps.Add(row);
        }
        row.Name = request.Name ?? row.Name;
        row.ClientId = request.ClientId;
        row.Sealed = envelope.Seal(Encoding.UTF8.GetBytes(request.ClientSecret ?? ""), OAuthApp.PlaceOf(project.Id, row.Id));
        row.UpdatedAt = now;
        audit.Add(db, "oauth_app.set", $"oauth_app:{key}", before, Told(row));
        try
        {
            await db.SaveChangesAsync(cancel);
        }
        catch (DbUpdateException error) when (error.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
        {
            return Problems.Conflict($"Somebody has just made the OAuth app '{key}'.");
        }
        return TypedResults.Ok(OAuthAppView.Of(row));
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Delete(string key, CurrentProject project, FlowsDb db, AuditTrail audit, CancellationToken cancel)
    {
        // The field is none of the secret ones, so it can be looked for.
        var users = await db.Database.SqlQuery<string>($"SELECT key AS \"Value\" FROM connections WHERE project_id = {project.Id} AND kind = 'oauth2' AND shown->>'app' = {key} ORDER BY key LIMIT 5").ToListAsync(cancel);
        if (users.Count > 0)
            return Problems.Conflict($"The OAuth app '{key}' is used by the connections {string.Join(", ", users)}.");
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        if (await db.OAuthApps.AsNoTracking().SingleOrDefaultAsync(app => app.ProjectId == project.Id && app.Key == key, cancel) is not { } row
            || await db.OAuthApps.Where(app => app.Id == row.Id).ExecuteDeleteAsync(cancel) == 0)
            return Problems.NotFound($"There is no OAuth app '{key}'.");
        audit.Add(db, "oauth_app.deleted", $"oauth_app:{key}", Told(row));
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        return TypedResults.NoContent();
    }

    private static object Told(OAuthApp row) => new { row.Name, row.ClientId };

    /// <param name="ClientSecret">Null for a client that has none.</param>
    internal sealed record PutOAuthAppRequest(string ClientId, string? ClientSecret = null, string? Name = null);
    internal sealed record OAuthAppList(IReadOnlyList<OAuthAppView> Items);
    internal sealed record OAuthAppView(string Key, string Name, string ClientId, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
    {
        public static OAuthAppView Of(OAuthApp row) => new(row.Key, row.Name, row.ClientId, row.CreatedAt, row.UpdatedAt);
    }
}
