using System.Security.Claims;

namespace Flows.Api.Access;

/// <summary>
/// The project that the caller's credential belongs to. A handler that takes one is scoped to it: every query of a user's data names
/// <see cref="Id"/>. Bound from the authenticated principal.
/// </summary>
public readonly record struct CurrentProject(Guid Id)
{
    /// <summary>The claim in which authentication puts the project id.</summary>
    public const string Claim = "flows:project";

    /// <exception cref="InvalidOperationException">The endpoint takes a project but lets callers in without one: a mistake in its metadata.</exception>
    public static ValueTask<CurrentProject> BindAsync(HttpContext context) =>
        Guid.TryParse(context.User.FindFirstValue(Claim), out var id)
            ? ValueTask.FromResult(new CurrentProject(id))
            : throw new InvalidOperationException($"{context.Request.Path} needs a project, and the caller's credential has none.");
}
