namespace Flows.Api.Access;

/// <summary>
/// Who may call an endpoint. Without a word in its metadata an endpoint is for users: <see cref="User"/> is the default and the fallback.
/// </summary>
internal static class Policies
{
    /// <summary>An API key of a project. The principal has <see cref="CurrentProject.Claim"/>.</summary>
    public const string User = "user";
    /// <summary>The worker token. No user's credential passes it, and it passes nowhere else.</summary>
    public const string Worker = "worker";
}
