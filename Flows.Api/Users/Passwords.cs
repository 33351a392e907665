using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace Flows.Api.Users;

/// <summary>How people sign in. Bound from <c>Flows:SignIn</c>.</summary>
public sealed class SignInOptions
{
    public const string Section = "Flows:SignIn";

    /// <summary>Rounds of PBKDF2 with HMAC-SHA-512 for a password. Older hashes are made anew when their owner signs in. The default is what OWASP asks for.</summary>
    [Range(100_000, 10_000_000)]
    public int PasswordRounds { get; set; } = 210_000;

    /// <summary>Wrong passwords for one e-mail address before it is locked: a minute at first, then twice as long each time, 15 minutes at most.</summary>
    [Range(1, 100)]
    public int FailuresPerAccount { get; set; } = 5;

    /// <summary>Wrong passwords from one network address before it is locked, likewise, up to an hour.</summary>
    [Range(1, 10_000)]
    public int FailuresPerAddress { get; set; } = 30;
}

/// <summary>
/// Passwords, hashed by ASP.NET Core Identity's hasher. Hashing is meant to be slow, so two at a time take a core each at most, and
/// whoever would wait longer than two seconds is asked to come back.
/// </summary>
internal sealed class Passwords : IDisposable
{
    public const int MinimumLength = 12;
    public const int MaximumLength = 200;
    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(2);

    private readonly PasswordHasher<object> _hasher;
    private readonly SemaphoreSlim _turns = new(2);
    private readonly Lazy<string> _nobodys;
    private static readonly object s_user = new();

    public Passwords(IOptions<SignInOptions> options)
    {
        _hasher = new PasswordHasher<object>(Options.Create(new PasswordHasherOptions { IterationCount = options.Value.PasswordRounds }));
        _nobodys = new Lazy<string>(() => _hasher.HashPassword(s_user, SecretToken.Generate("")));
    }

    /// <summary>Null when it is good enough. Length is what counts (NIST SP 800-63B): no rules about kinds of characters.</summary>
    public static string? Problem(string password, string email) =>
        password.Length < MinimumLength ? $"At least {MinimumLength} characters are needed."
        : password.Length > MaximumLength ? $"At most {MaximumLength} characters are allowed."
        : password.Distinct().Count() < 5 ? "It is too simple: use more different characters."
        : string.Equals(password, email, StringComparison.OrdinalIgnoreCase) ? "It must not be the e-mail address."
        : null;

    /// <exception cref="Runs.UnavailableException">Too many are at it.</exception>
    public Task<string> HashAsync(string password, CancellationToken cancel) =>
        InTurnAsync(() => _hasher.HashPassword(s_user, password), cancel);

    /// <param name="hash">Null for an account that does not exist, which takes the same time.</param>
    /// <exception cref="Runs.UnavailableException">Too many are at it.</exception>
    public Task<PasswordVerificationResult> VerifyAsync(string? hash, string password, CancellationToken cancel) =>
        InTurnAsync(() =>
        {
            var result = _hasher.VerifyHashedPassword(s_user, hash ?? _nobodys.Value, password);
            return hash is null ? PasswordVerificationResult.Failed : result;
        }, cancel);

    public void Dispose() => _turns.Dispose();

    private async Task<T> InTurnAsync<T>(Func<T> work, CancellationToken cancel)
    {
        if (!await _turns.WaitAsync(s_longestWait, cancel))
            throw new Runs.UnavailableException("Many people are signing in at the moment. Try again in a few seconds.");
        try
        {
            return await Task.Run(work, cancel);
        }
        finally
        {
            _turns.Release();
        }
    }
}
