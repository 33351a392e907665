using System.Security.Claims;

namespace Flows.Api.Access;

internal enum CallerKind
{
    /// <summary>An API key.</summary>
    Key = 1,
    /// <summary>A signed-in person.</summary>
    User = 2,
    /// <summary>Flows itself, in the audit log.</summary>
    System = 3,
}

/// <summary>Who calls, and what they may do in the project at hand. Shared by all requests of a credential: it never changes.</summary>
/// <param name="Id">Of the key or of the user.</param>
/// <param name="SessionId">Of the session, for a user.</param>
/// <param name="ProjectId">Null for a user who has not said which of several projects is meant, or has none.</param>
/// <param name="Permissions">In that project; without one only <see cref="Permission.OwnAccount"/>.</param>
internal sealed record Caller(CallerKind Kind, Guid Id, string Name, Guid? SessionId, Guid? ProjectId, Role? Role, PermissionSet Permissions)
{
    public ClaimsPrincipal ToPrincipal() => new(new CallerIdentity(this));

    /// <summary>The caller of an endpoint that requires a permission.</summary>
    public static Caller Of(HttpContext context) =>
        Find(context) ?? throw new InvalidOperationException($"{context.Request.Path} needs a caller and lets in nobody: a mistake in its metadata.");

    public static Caller? Find(HttpContext context) => (context.User.Identity as CallerIdentity)?.Caller;

    /// <summary>Binds a handler's parameter.</summary>
    public static ValueTask<Caller?> BindAsync(HttpContext context) => ValueTask.FromResult<Caller?>(Of(context));
}

/// <summary>The identity of a <see cref="Access.Caller"/>.</summary>
internal sealed class CallerIdentity(Caller caller) : ClaimsIdentity(ClaimsOf(caller), CallerAuthentication.Scheme)
{
    public Caller Caller => caller;

    private static IEnumerable<Claim> ClaimsOf(Caller caller)
    {
        yield return new Claim(ClaimTypes.NameIdentifier, caller.Id.ToString());
        yield return new Claim(ClaimTypes.Name, caller.Name);
        if (caller.ProjectId is { } project)
            yield return new Claim(CurrentProject.Claim, project.ToString());
    }
}
