using System.Globalization;
using Aspire.Hosting.ApplicationModel;

namespace Flows.LocalHosting.Servers;

/// <summary>The parts of a connection string that a reference hands on as variables of their own.</summary>
internal interface IConnectionProperties
{
    IEnumerable<KeyValuePair<string, object>> ConnectionProperties { get; }
}

/// <summary>What a private server is started with.</summary>
internal sealed record ServerCredentials(ParameterResource Password, ParameterResource? UserName) : IResourceAnnotation;

internal sealed record RedisPersistenceAnnotation : IResourceAnnotation;

/// <summary>A Redis connection string, `host:port,password=…,ssl=true`: the first host and what is needed to ask whether it lives.</summary>
internal sealed record RedisAddress(string Host, int Port, string? Password, bool Tls)
{
    public static RedisAddress Parse(string connectionString)
    {
        var parts = connectionString.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var place = parts.FirstOrDefault(part => !part.Contains('=', StringComparison.Ordinal)) ?? "localhost:6379";
        var colon = place.LastIndexOf(':');
        var hasPort = colon > 0 && int.TryParse(place.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out _);
        var port = hasPort ? int.Parse(place.AsSpan(colon + 1), CultureInfo.InvariantCulture) : 6379;
        return new(hasPort ? place[..colon] : place, port, Option("password"), string.Equals(Option("ssl"), "true", StringComparison.OrdinalIgnoreCase));

        string? Option(string name) => parts
            .Where(part => part.StartsWith($"{name}=", StringComparison.OrdinalIgnoreCase))
            .Select(part => part[(name.Length + 1)..]).FirstOrDefault();
    }
}
