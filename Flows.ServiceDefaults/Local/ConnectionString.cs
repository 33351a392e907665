using Microsoft.Extensions.Configuration;

namespace Microsoft.Extensions.Hosting;

internal static class ConnectionString
{
    /// <summary>Reads ConnectionStrings:{name} and has it parsed now, so that a process with a bad one never starts.</summary>
    /// <exception cref="InvalidOperationException">Missing or unreadable. The message names the variable and never its value, which holds a password.</exception>
    internal static string Required(IConfiguration configuration, string name, Action<string> parse)
    {
        var text = configuration.GetConnectionString(name);
        if (string.IsNullOrWhiteSpace(text))
            throw new InvalidOperationException($"ConnectionStrings__{name} is not set.");

        try
        {
            parse(text);
        }
        catch (ArgumentException error)
        {
            throw new InvalidOperationException($"ConnectionStrings__{name} cannot be read ({error.GetType().Name}).");
        }
        return text;
    }
}
