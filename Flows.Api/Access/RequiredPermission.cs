using Microsoft.AspNetCore.Authorization;

namespace Flows.Api.Access;

/// <summary>What an endpoint asks of its caller, as metadata. <see cref="PermissionHandler"/> enforces it.</summary>
internal sealed class RequiredPermission(Permission permission) : IAuthorizeData
{
    public Permission Permission => permission;
    public string? Policy { get; set; } = Policies.User;
    public string? Roles { get; set; }
    public string? AuthenticationSchemes { get; set; }
}

/// <summary>Why an endpoint may be called by anybody.</summary>
internal sealed record AnonymousBecause(string Reason);

internal static class AccessMetadata
{
    /// <summary>Only callers whose role, and whose key's scopes, have this permission. Every endpoint of /api/v1 and /admin says this, or why it is open.</summary>
    public static TBuilder Requires<TBuilder>(this TBuilder endpoint, Permission permission) where TBuilder : IEndpointConventionBuilder =>
        endpoint.WithMetadata(new RequiredPermission(permission));

    /// <summary>Anybody may call it, for the reason given.</summary>
    public static TBuilder AllowAnonymous<TBuilder>(this TBuilder endpoint, string because) where TBuilder : IEndpointConventionBuilder =>
        endpoint.AllowAnonymous().WithMetadata(new AnonymousBecause(because));
}

/// <summary>The requirement of <see cref="Policies.User"/>: the endpoint says what it asks, and the caller has it.</summary>
internal sealed class PermissionRequirement : IAuthorizationRequirement;

/// <summary>Why a caller was refused, for the answer that <see cref="CallerAuthentication"/> writes.</summary>
internal sealed record Refusal(int Status, string Detail)
{
    public static void Set(HttpContext context, int status, string detail) => context.Items[typeof(Refusal)] = new Refusal(status, detail);
    public static Refusal? Of(HttpContext context) => context.Items.TryGetValue(typeof(Refusal), out var refusal) ? (Refusal)refusal! : null;
}

/// <summary>The one place where a caller's permissions are checked. An endpoint that says nothing is closed to everybody.</summary>
internal sealed class PermissionHandler : AuthorizationHandler<PermissionRequirement>
{
    protected override Task HandleRequirementAsync(AuthorizationHandlerContext context, PermissionRequirement requirement)
    {
        if (context.Resource is HttpContext http && Caller.Find(http) is { } caller && MayPass(http, caller))
            context.Succeed(requirement);
        return Task.CompletedTask;
    }

    private static bool MayPass(HttpContext http, Caller caller)
    {
        // What is no route is routing's own refusal, a 405 or 415.
        if (http.GetEndpoint() is not RouteEndpoint endpoint)
            return true;
        var required = endpoint.Metadata.GetOrderedMetadata<RequiredPermission>();
        if (required.Count == 0)
        {
            Refusal.Set(http, StatusCodes.Status403Forbidden, "This address is not open to anybody: it does not say what it takes to call it.");
            return false;
        }
        if (caller.Kind == CallerKind.User && !CrossSite.IsOwnRequest(http.Request))
        {
            Refusal.Set(http, StatusCodes.Status403Forbidden, $"A change by cookie needs the header '{CrossSite.Header}: 1', so that no other site can send it.");
            return false;
        }
        foreach (var each in required)
        {
            if (caller.Permissions.Has(each.Permission))
                continue;
            if (Refusal.Of(http) is null)
                Refusal.Set(http, StatusCodes.Status403Forbidden, caller is { ProjectId: null }
                    ? "You belong to no project."
                    : $"This needs the permission '{Permissions.NameOf(each.Permission)}', which {(caller.Kind == CallerKind.Key ? "this key" : $"the role {caller.Role}")} does not have.");
            return false;
        }
        return true;
    }
}
