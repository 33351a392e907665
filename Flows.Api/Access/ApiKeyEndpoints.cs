using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Flows.Api.Access;

/// <summary>The keys of the caller's project, and who the caller is.</summary>
internal static class ApiKeyEndpoints
{
    public static void MapApiKeys(this IEndpointRouteBuilder api)
    {
        api.MapGet("/me", Me).WithTags("Access").WithSummary("The project and the key of this request");
        var keys = api.MapGroup("/api-keys").WithTags("Access");
        keys.MapGet("", List).WithSummary("The project's API keys, newest first");
        keys.MapPost("", Create).WithSummary("Make an API key; the answer shows it once").ProducesProblem(StatusCodes.Status400BadRequest);
        keys.MapDelete("/{id:guid}", Revoke).WithSummary("Revoke an API key").ProducesProblem(StatusCodes.Status404NotFound);
    }

    private static async Task<Results<Ok<MeView>, ProblemHttpResult>> Me(CurrentProject project, ClaimsPrincipal caller, FlowsDb db, CancellationToken cancel)
    {
        var keyId = Guid.Parse(caller.FindFirstValue(ClaimTypes.NameIdentifier)!);
        var me = await db.ApiKeys.Where(key => key.Id == keyId)
            .Join(db.Projects, key => key.ProjectId, p => p.Id, (key, p) => new MeView(new ProjectView(p.Id, p.Name), new MeKey(key.Id, key.Name, key.Prefix)))
            .SingleOrDefaultAsync(cancel);
        return me is null ? Problems.NotFound($"Project {project.Id} is gone.") : TypedResults.Ok(me);
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
            .Select(key => new ApiKeyView(key.Id, key.Name, key.Prefix, key.CreatedAt, key.LastUsedAt, key.ExpiresAt, key.RevokedAt))
            .ToListAsync(cancel);
        return TypedResults.Ok(Page.Of(found, limit, key => key.Id));
    }

    private static async Task<Results<Created<NewApiKey>, ProblemHttpResult>> Create(
        CreateApiKeyRequest request, CurrentProject project, FlowsDb db, TimeProvider clock, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
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
            CreatedAt = now,
            ExpiresAt = request.ExpiresAt?.ToUniversalTime(),
        };
        db.ApiKeys.Add(row);
        await db.SaveChangesAsync(cancel);
        return TypedResults.Created($"/api/v1/api-keys/{row.Id}", new NewApiKey(row.Id, row.Name, row.Prefix, key, row.CreatedAt, row.ExpiresAt));
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Revoke(
        Guid id, CurrentProject project, FlowsDb db, ApiKeyCache cache, TimeProvider clock, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var found = await db.ApiKeys.Where(key => key.Id == id && key.ProjectId == project.Id)
            .ExecuteUpdateAsync(set => set.SetProperty(key => key.RevokedAt, key => key.RevokedAt ?? now), cancel);
        if (found == 0)
            return Problems.NotFound($"There is no API key {id}.");
        cache.Forget(id);
        return TypedResults.NoContent();
    }

    internal sealed record CreateApiKeyRequest(string Name, DateTimeOffset? ExpiresAt = null);
    internal sealed record NewApiKey(Guid Id, string Name, string Prefix, string Key, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt);
    internal sealed record ApiKeyView(
        Guid Id, string Name, string Prefix, DateTimeOffset CreatedAt, DateTimeOffset? LastUsedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? RevokedAt);
    internal sealed record MeView(ProjectView Project, MeKey Key);
    internal sealed record ProjectView(Guid Id, string Name);
    internal sealed record MeKey(Guid Id, string Name, string Prefix);
}
