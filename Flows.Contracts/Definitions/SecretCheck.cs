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
                    Check(property.Value, FieldPath.Of(path, property.Name));
                break;
        }
    }

    public void Check(string text, string path)
    {
        var found = Keys().Match(text);
        if (found.Success)
            problems.Warning(path, $"This looks like a secret ({found.Value[..Math.Min(4, found.Value.Length)]}…). Keep it in a connection, where it is encrypted and masked.");
    }

    // OpenAI, Stripe, Slack, GitHub, AWS, Google, Flows, JSON web tokens, private keys, and headers that carry one.
    [GeneratedRegex(@"\b(?:sk|rk|pk)[-_](?:live|test|proj|ant)?[-_]?[A-Za-z0-9_-]{16,}|\bxox[abprs]-[A-Za-z0-9-]{10,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}"
        + @"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[A-Za-z0-9_-]{30,}|\bflk_[A-Za-z0-9_-]{16,}|\bglpat-[A-Za-z0-9_-]{16,}|\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\."
        + @"|-----BEGIN [A-Z ]*PRIVATE KEY-----|\bBearer [A-Za-z0-9._~+/-]{16,}|\bBasic [A-Za-z0-9+/]{16,}={0,2}", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Keys();
}
