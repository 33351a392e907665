using System.Security.Cryptography;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>A value given from outside: configuration `Parameters:name`, else a default.</summary>
public class ParameterResource(string name, Func<ParameterDefault?, string> callback, bool secret = false) : Resource(name), IValueProvider
{
    private readonly Lock gate = new();
    private string? value;

    public ParameterDefault? Default { get; set; }
    public bool Secret { get; } = secret;

    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default)
    {
        lock (gate)
            return new(value ??= callback(Default));
    }
}

/// <summary>Where the value of a parameter comes from when nobody gives one.</summary>
public abstract class ParameterDefault
{
    public abstract string GetDefaultValue();
}

/// <summary>A random text of letters and digits.</summary>
public sealed class GenerateParameterDefault : ParameterDefault
{
    private const string Letters = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ";

    /// <summary>Length of the text; never below the 128 bits that 22 characters hold.</summary>
    public int MinLength { get; set; } = 22;
    public bool Lower { get; set; } = true;
    public bool Upper { get; set; } = true;
    public bool Numeric { get; set; } = true;
    public bool Special { get; set; } = true;

    public override string GetDefaultValue()
    {
        var alphabet = (Lower ? Letters[..23] : "") + (Upper ? Letters[23..] : "") + (Numeric ? "23456789" : "") + (Special ? "-_.{}~()*+!" : "");
        return RandomNumberGenerator.GetString(alphabet.Length > 0 ? alphabet : Letters, Math.Max(MinLength, 22));
    }
}

/// <summary>A default that is made once and then read from the data directory.</summary>
internal sealed class KeptParameterDefault(string name, ParameterDefault inner, Flows.LocalHosting.Storage.SecretStore secrets) : ParameterDefault
{
    public override string GetDefaultValue() => secrets.GetOrAdd($"Parameters:{name}", inner.GetDefaultValue);
}
