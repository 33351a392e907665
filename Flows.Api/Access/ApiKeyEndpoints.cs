using Flows.Api.Audit;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Flows.Api.Access;

/// <summary>The keys of the caller's project.</summary>
internal static class ApiKeyEndpoints
{
    public static void MapApiKeys(this IEndpointRouteBuilder api)
    {
        var keys = api.MapGroup("/api-keys").WithTags("Access");
        keys.MapGet("", List).Requires(Permission.ManageKeys).WithSummary("The project's API keys, newest first");
        keys.MapPost("", Create).Requires(Permission.ManageKeys).Audited("key.created").WithSummary("Make an API key; the answer shows it once")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status403Forbidden);
        keys.MapDelete("/{id:guid}", Revoke).Requires(Permission.ManageKeys).Audited("key.revoked").WithSummary("Revoke an API key").ProducesProblem(StatusCodes.Status404NotFound);
    }

    private static async Task<Results<Ok<Page<ApiKeyView>>, ProblemHttpResult>> List(
        [AsParameters] PageQuery page, CurrentProject project, FlowsDb db, CancellationToken cancel)
    {
        if (!page.TryRead(out var limit, out var after, out var problem))
            return problem;
        var found = await db.ApiKeys
            .Where(key => key.ProjectId == project.Id && (after == null || key.Id < after))
            .OrderByDescending(key => key.Id)
            .Take(limit + 1)
            .Select(key => new ApiKeyView(key.Id, key.Name, key.Prefix, key.Role, key.Scopes, key.CreatedAt, key.LastUsedAt, key.ExpiresAt, key.RevokedAt))
            .ToListAsync(cancel);
        return TypedResults.Ok(Page.Of(found, limit, key => key.Id));
    }

    private static async Task<Results<Created<NewApiKey>, ProblemHttpResult>> Create(
        CreateApiKeyRequest request, CurrentProject project, Caller caller, FlowsDb db, AuditTrail audit, TimeProvider clock, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        if (request.Scopes is { } scopes)
        {
            var unknown = scopes.Select((name, i) => (name, i)).Where(scope => Permissions.ByName(scope.name) is null).ToList();
            if (unknown.Count > 0)
                return Problems.BadRequest("There are scopes that do not exist.", [.. unknown.Select(scope => new FieldProblem($"$.scopes[{scope.i}]", $"There is no permission '{scope.name}'."))]);
            if (scopes.Count is 0 or > 50)
                return Problems.BadRequest("$.scopes", "From 1 to 50 scopes are allowed; leave the field out for all that the role may do.");
        }
        if (!Enum.IsDefined(request.Role))
            return Problems.BadRequest("$.role", "There is no such role.");
        var missing = Permissions.Of(request.Role, request.Scopes).Without(caller.Permissions).ToPermissions().Select(Permissions.NameOf).ToList();
        if (missing.Count > 0)
            return Problems.Of(StatusCodes.Status403Forbidden, $"A key may do no more than its maker, who may not do: {string.Join(", ", missing)}.");
        if (DisplayName.Problem(request.Name) is { } problem)
            return Problems.BadRequest("$.name", problem);
        if (request.ExpiresAt <= now)
            return Problems.BadRequest("$.expiresAt", "It is in the past.");

        var key = ApiKey.Generate();
        var row = new ApiKey
        {
            Id = Guid.CreateVersion7(now),
            ProjectId = project.Id,
            Name = request.Name,
            Prefix = ApiKey.PrefixOf(key),
            Hash = KeyHash.Of(key).ToBytes(),
            Role = request.Role,
            Scopes = request.Scopes is { } cut ? [.. cut.Distinct()] : null,
            CreatedAt = now,
            ExpiresAt = request.ExpiresAt?.ToUniversalTime(),
        };
        db.ApiKeys.Add(row);
        audit.Add(db, "key.created", $"key:{row.Id}", after: new { row.Name, row.Prefix, row.Role, row.Scopes, row.ExpiresAt });
        await db.SaveChangesAsync(cancel);
        return TypedResults.Created($"/api/v1/api-keys/{row.Id}", new NewApiKey(row.Id, row.Name, row.Prefix, key, row.Role, row.Scopes, row.CreatedAt, row.ExpiresAt));
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Revoke(
        Guid id, CurrentProject project, FlowsDb db, AuditTrail audit, AccessNews news, TimeProvider clock, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        if (await db.ApiKeys.AsNoTracking().SingleOrDefaultAsync(key => key.Id == id && key.ProjectId == project.Id, cancel) is not { } row)
            return Problems.NotFound($"There is no API key {id}.");
        await db.ApiKeys.Where(key => key.Id == id).ExecuteUpdateAsync(set => set.SetProperty(key => key.RevokedAt, key => key.RevokedAt ?? now), cancel);
        audit.Add(db, "key.revoked", $"key:{id}", before: new { row.Name, row.Prefix, row.Role, row.Scopes });
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        news.KeyChanged(id);
        return TypedResults.NoContent();
    }

    /// <param name="Scopes">Names of permissions that cut the role down; left out: all that the role may do.</param>
    internal sealed record CreateApiKeyRequest(string Name, Role Role = Role.Editor, IReadOnlyList<string>? Scopes = null, DateTimeOffset? ExpiresAt = null);
    internal sealed record NewApiKey(
        Guid Id, string Name, string Prefix, string Key, Role Role, IReadOnlyList<string>? Scopes, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt);
    internal sealed record ApiKeyView(
        Guid Id, string Name, string Prefix, Role Role, IReadOnlyList<string>? Scopes, DateTimeOffset CreatedAt, DateTimeOffset? LastUsedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? RevokedAt);
}
