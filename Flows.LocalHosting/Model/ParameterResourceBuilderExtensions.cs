using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Configuration;

namespace Aspire.Hosting;

public static class ParameterResourceBuilderExtensions
{
    /// <summary>A value that must be given as configuration `Parameters:name` (environment `Parameters__name`).</summary>
    public static IResourceBuilder<ParameterResource> AddParameter(this IDistributedApplicationBuilder builder, string name, bool secret = false) =>
        builder.AddResource(new ParameterResource(name, fallback => Read(builder, name, $"Parameters:{name}", fallback), secret));

    public static IResourceBuilder<ParameterResource> AddParameter(
        this IDistributedApplicationBuilder builder, string name, string value, bool publishValueAsDefault = false, bool secret = false) =>
        builder.AddParameter(name, () => value, publishValueAsDefault, secret);

    public static IResourceBuilder<ParameterResource> AddParameter(
        this IDistributedApplicationBuilder builder, string name, Func<string> valueGetter, bool publishValueAsDefault = false, bool secret = false)
    {
        if (publishValueAsDefault && secret)
            throw new ArgumentException("A parameter cannot be both secret and published as a default value.", nameof(secret));

        return builder.AddResource(new ParameterResource(name, _ => valueGetter(), secret));
    }

    /// <param name="persist">Keeps a generated value in the data directory, so that it is the same at the next start.</param>
    public static IResourceBuilder<ParameterResource> AddParameter(
        this IDistributedApplicationBuilder builder, string name, ParameterDefault value, bool secret = false, bool persist = false)
    {
        if (persist && builder.ExecutionContext.IsRunMode)
            value = new KeptParameterDefault(name, value, DistributedApplicationBuilder.Of(builder).Secrets);

        return builder.AddResource(
            new ParameterResource(name, fallback => Read(builder, name, $"Parameters:{name}", fallback), secret) { Default = value });
    }

    public static IResourceBuilder<ParameterResource> AddParameterFromConfiguration(
        this IDistributedApplicationBuilder builder, string name, string configurationKey, bool secret = false) =>
        builder.AddResource(new ParameterResource(name, fallback => Read(builder, name, configurationKey, fallback), secret));

    private static string Read(IDistributedApplicationBuilder builder, string name, string key, ParameterDefault? fallback) =>
        // An environment variable cannot have a dash in its name everywhere.
        builder.Configuration[key] ?? builder.Configuration[key.Replace('-', '_')] ?? fallback?.GetDefaultValue()
            ?? throw new DistributedApplicationException(
                $"The parameter '{name}' has no value. Give it as the environment variable {key.Replace(":", "__", StringComparison.Ordinal).Replace('-', '_')} or as --{key}=….");
}
