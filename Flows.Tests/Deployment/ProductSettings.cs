using System.Reflection;

namespace Flows.Tests.Deployment;

/// <summary>The settings that the product reads, by the name they have in the environment.</summary>
internal static class ProductSettings
{
    /// <summary>Every property that can be set of every options class with a section, and what is read by itself.</summary>
    public static IReadOnlySet<string> Names { get; } = new[] { typeof(Flows.Api.LimitsOptions), typeof(Flows.Worker.WorkerOptions), typeof(Flows.Queue.Redis.RedisQueueOptions) }
        .SelectMany(part => part.Assembly.GetTypes())
        .SelectMany(type => type.GetField("Section", BindingFlags.Public | BindingFlags.Static)?.GetRawConstantValue() is string section && section.StartsWith("Flows", StringComparison.Ordinal)
            ? type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.SetMethod is { IsPublic: true }).Select(property => $"{section}:{property.Name}")
            : [])
        .Concat([Flows.Api.ContainerTypeSetting.Key, Flows.Contracts.WorkerProtocol.LeaseTerms.LeaseSetting, "Flows:Redis:CertificateAuthority"])
        .Select(key => key.Replace(":", "__", StringComparison.Ordinal)).ToHashSet(StringComparer.Ordinal);

    /// <summary>Asserts that every name that starts with <c>Flows__</c> is a setting, and that there are some.</summary>
    public static void AssertKnown(IEnumerable<string> names)
    {
        var own = names.Where(name => name.StartsWith("Flows__", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(own);
        Assert.All(own, name => Assert.Contains(name, Names));
    }
}
