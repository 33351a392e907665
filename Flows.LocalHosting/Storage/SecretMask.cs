namespace Flows.LocalHosting.Storage;

/// <summary>Every secret value handed to a process; none of them may appear in a log or on a page.</summary>
internal sealed class SecretMask
{
    public const string Dots = "••••••••";
    // Shorter ones occur in ordinary text, and masking those would only make logs unreadable.
    private const int ShortestSecret = 8;

    private readonly Lock gate = new();
    private volatile string[] secrets = [];

    public void Add(string secret)
    {
        if (secret.Length < ShortestSecret)
            return;
        lock (gate)
        {
            if (!secrets.Contains(secret))
                secrets = [.. secrets.Append(secret).OrderByDescending(text => text.Length)];
        }
    }

    public bool IsSecret(string value) => secrets.Contains(value);

    public string Apply(string text)
    {
        foreach (var secret in secrets)
        {
            if (text.Contains(secret, StringComparison.Ordinal))
                text = text.Replace(secret, Dots, StringComparison.Ordinal);
        }
        return text;
    }
}
