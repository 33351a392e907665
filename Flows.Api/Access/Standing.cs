using Flows.Api.Users;

namespace Flows.Api.Access;

/// <summary>Whether a request that goes on for long would still be let in: its key or session may have ended since, or its role changed.</summary>
internal sealed class Standing(ApiKeyCache keys, SessionCache sessions)
{
    /// <summary>Costs a query only where a new request of the caller would.</summary>
    /// <exception cref="Npgsql.NpgsqlException">The credential is not remembered and Postgres is away.</exception>
    public async ValueTask<bool> IsGoodAsync(HttpContext http, CancellationToken cancel)
    {
        var now = await FindAsync(http, Caller.Of(http), cancel);
        return now is not null && http.GetEndpoint()?.Metadata.GetOrderedMetadata<RequiredPermission>() is { Count: > 0 } required
            && required.All(each => now.Permissions.Has(each.Permission));
    }

    private async ValueTask<Caller?> FindAsync(HttpContext http, Caller then, CancellationToken cancel)
    {
        if (then.Kind == CallerKind.Key)
            return BearerToken.Read(http.Request) is { } token ? (await keys.FindAsync(KeyHash.Of(token.Span), cancel))?.Caller : null;
        return SessionCookie.Read(http.Request) is { } cookie && then.ProjectId is { } project
            && await sessions.FindAsync(KeyHash.Of(cookie), cancel) is { } session && session.InProject.TryGetValue(project, out var principal)
                ? ((CallerIdentity)principal.Identity!).Caller
                : null;
    }
}
