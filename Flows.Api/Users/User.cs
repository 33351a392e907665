using System.Buffers.Text;
using System.Net.Mail;
using System.Security.Cryptography;

namespace Flows.Api.Users;

/// <summary>A person. What they may do is in their memberships.</summary>
internal sealed class User
{
    public required Guid Id { get; init; }
    public required string Email { get; set; }
    public required string Name { get; set; }
    public required string PasswordHash { get; set; }
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Null when it can be an e-mail address.</summary>
    public static string? EmailProblem(string email) =>
        email.Length is > 2 and <= 254 && !email.Any(char.IsControl) && email.IndexOf('@') is > 0 && MailAddress.TryCreate(email, out var read) && read.Address == email
            ? null
            : "It is not an e-mail address.";
}

/// <summary>A user in a project.</summary>
internal sealed class Member
{
    public required Guid ProjectId { get; init; }
    public required Guid UserId { get; init; }
    public required Access.Role Role { get; set; }
    public required DateTimeOffset CreatedAt { get; init; }
}

/// <summary>A browser that is signed in. Its token is in a cookie, and here only its hash.</summary>
internal sealed class Session
{
    /// <summary>Without a request for so long a session ends.</summary>
    public static readonly TimeSpan Idle = TimeSpan.FromDays(7);
    /// <summary>And after so long in any case.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(30);

    public required Guid Id { get; init; }
    public required Guid UserId { get; init; }
    public required byte[] TokenHash { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public required DateTimeOffset LastUsedAt { get; set; }
    public string? Address { get; init; }
    public string? Agent { get; init; }
}

/// <summary>A link that lets somebody in once.</summary>
internal sealed class Invitation
{
    public required Guid Id { get; init; }
    /// <summary>Null: the set-up link of an installation that has no owner.</summary>
    public Guid? ProjectId { get; init; }
    public required Access.Role Role { get; init; }
    public string? Email { get; init; }
    public required byte[] TokenHash { get; init; }
    public string? InvitedBy { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public required DateTimeOffset ExpiresAt { get; set; }
    public DateTimeOffset? UsedAt { get; set; }
}

/// <summary>Random tokens that are credentials by themselves: shown or set once, and kept as their hash.</summary>
internal static class SecretToken
{
    public const string SessionStart = "fls_";
    public const string InvitationStart = "fli_";

    /// <summary>256 bits in base64url after what tells the kind.</summary>
    public static string Generate(string start) => start + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    /// <summary>Longer ones are no token of ours and are not worth hashing.</summary>
    public const int MostCharacters = 256;
}
