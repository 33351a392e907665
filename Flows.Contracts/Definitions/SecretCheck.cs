using System.Text.Json;
using System.Text.RegularExpressions;

namespace Flows.Contracts.Definitions;

/// <summary>Warns of keys that stand in the definition itself, where everybody who may see the flow can read them.</summary>
internal sealed partial class SecretCheck(ProblemList problems)
{
    public void Check(JsonElement value, string path)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.String when JsonText.TryGet(value, out var text):
                Check(text, path);
                break;
            case JsonValueKind.Array:
                foreach (var (i, item) in value.EnumerateArray().Index())
                    Check(item, FieldPath.Of(path, i));
                break;
            case JsonValueKind.Object:
                foreach (var property in value.EnumerateObject())
                {
                    var at = FieldPath.Of(path, property.Name);
                    if (IsNameOfSecret(property.Name) && property.Value.ValueKind == JsonValueKind.String && JsonText.TryGet(property.Value, out var literal) && IsWrittenOut(literal))
                        problems.Warning(at, $"'{property.Name}' looks like the name of a secret, and its value stands here where everybody who may see the flow can read it. {Advice}");
                    else
                        Check(property.Value, at);
                }
                break;
        }
    }

    /// <summary>How to keep a secret out of a definition.</summary>
    public const string Advice = "Keep it in a connection, where it is encrypted and masked.";

    /// <summary>True for text that is there, and made by no expression.</summary>
    public static bool IsWrittenOut(string text) => text.Length > 0 && !text.Contains("{{", StringComparison.Ordinal);

    /// <summary>True for what headers and fields that hold a credential are called everywhere.</summary>
    public static bool IsNameOfSecret(string name) => name.Length <= 32 && Names().IsMatch(name);

    public void Check(string text, string path)
    {
        if (Found(text) is { } found)
            problems.Warning(path, $"This looks like a secret ({found[..Math.Min(4, found.Length)]}…). {Advice}");
    }

    private static string? Found(string text)
    {
        try
        {
            return Keys().Match(text) is { Success: true } found ? found.Value : null;
        }
        catch (RegexMatchTimeoutException)
        {
            return null; // made so that it takes long: it is only a warning that is missing
        }
    }

    [GeneratedRegex("^(?:proxy-)?authorization$|^(?:x-)?(?:api|access|auth|private)[-_ ]?(?:key|token)$|^(?:client|app|signing|webhook)[-_ ]?secret$|^pass(?:word|wd|phrase)$", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Names();

    // Parts with something behind them have a length, so that a text full of their beginnings is not gone through again and again.
    // OpenAI, Stripe, Slack, GitHub, AWS, Google, Flows, JSON web tokens, private keys, and headers that carry one.
    [GeneratedRegex(@"\b(?:sk|rk|pk)[-_](?:live|test|proj|ant)?[-_]?[A-Za-z0-9_-]{16,}|\bxox[abprs]-[A-Za-z0-9-]{10,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}"
        + @"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[A-Za-z0-9_-]{30,}|\bflk_[A-Za-z0-9_-]{16,}|\bglpat-[A-Za-z0-9_-]{16,}|\beyJ[A-Za-z0-9_-]{10,200}\.eyJ[A-Za-z0-9_-]{10,2000}\."
        + @"|-----BEGIN [A-Z ]*PRIVATE KEY-----|\bBearer [A-Za-z0-9._~+/-]{16,}|\bBasic [A-Za-z0-9+/]{16,}={0,2}", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Keys();
}
