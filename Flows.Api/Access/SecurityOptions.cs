using Flows.ServiceDefaults;
using Microsoft.Extensions.Options;

namespace Flows.Api.Access;

/// <summary>The secrets of an installation. Bound from <c>Flows:Security</c>. In development what is missing is made up for the process.</summary>
public sealed class SecurityOptions
{
    public const string Section = "Flows:Security";
    public const int MinimumLength = 32;

    /// <summary>Encrypts the secrets of connections in Postgres. Losing it loses them. At least 32 characters.</summary>
    public string EncryptionKey { get; set; } = "";

    /// <summary>Keys of the past: what was encrypted with one of them can still be read. Nothing new is encrypted with them.</summary>
    public IReadOnlyList<string> PreviousEncryptionKeys { get; set; } = [];

    /// <summary>What workers present to the API. At least 32 characters.</summary>
    public string WorkerToken { get; set; } = "";
}

/// <summary>Refuses secrets that are missing, short, or that everybody knows.</summary>
internal sealed class SecurityCheck : IValidateOptions<SecurityOptions>
{
    private static readonly string[] s_samples = ["changeme", "change-me", "change_me", "replaceme", "replace-me", "password", "example", "your-", "your_", "default", "insecure"];

    public ValidateOptionsResult Validate(string? name, SecurityOptions options)
    {
        var problems = new[]
        {
            Problem(nameof(options.EncryptionKey), options.EncryptionKey),
            Problem(nameof(options.WorkerToken), options.WorkerToken),
            options.PreviousEncryptionKeys.Any(key => key.Length < SecurityOptions.MinimumLength)
                ? $"{Variable(nameof(options.PreviousEncryptionKeys))} has a key of fewer than {SecurityOptions.MinimumLength} characters." : null,
            options.WorkerToken.StartsWith(ApiKey.Start, StringComparison.Ordinal)
                ? $"{Variable(nameof(options.WorkerToken))} must not start with '{ApiKey.Start}': that is how API keys of users start." : null,
            options.WorkerToken.Length > 0 && options.WorkerToken == options.EncryptionKey
                ? $"{Variable(nameof(options.WorkerToken))} must not be the same as {Variable(nameof(options.EncryptionKey))}: workers must never know that key." : null,
        }.OfType<string>().ToArray();
        return problems.Length == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }

    private static string? Problem(string member, string value) => value switch
    {
        "" => $"{Variable(member)} is missing. Set it to at least {SecurityOptions.MinimumLength} random characters, e.g. from: openssl rand -base64 32",
        { Length: < SecurityOptions.MinimumLength } => $"{Variable(member)} has {value.Length} characters. At least {SecurityOptions.MinimumLength} random ones are needed.",
        _ when IsKnown(value) => $"{Variable(member)} is a well-known sample or repeats itself. Use random characters, e.g. from: openssl rand -base64 32",
        _ => null,
    };

    private static string Variable(string member) => StartFailure.InEnvironment($"{SecurityOptions.Section}:{member}");

    /// <summary>Sample words, fewer than eight different characters, or one short text over and over.</summary>
    public static bool IsKnown(string value)
    {
        if (s_samples.Any(sample => value.Contains(sample, StringComparison.OrdinalIgnoreCase)) || value.Distinct().Count() < 8)
            return true;
        for (var period = 1; period <= value.Length / 2; period++)
        {
            if (value.AsSpan(period).SequenceEqual(value.AsSpan(0, value.Length - period)))
                return true;
        }
        return false;
    }
}
