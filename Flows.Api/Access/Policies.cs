namespace Flows.Api.Access;

/// <summary>
/// Who may call an endpoint. <see cref="User"/> is the default and the fallback, and closed unless the endpoint says which permission it requires.
/// </summary>
internal static class Policies
{
    /// <summary>An API key or a session, with the permissions that the endpoint <c>Requires</c>. The principal has a <see cref="CallerIdentity"/>.</summary>
    public const string User = "user";
    /// <summary>The worker token. No user's credential passes it, and it passes nowhere else.</summary>
    public const string Worker = "worker";
}
