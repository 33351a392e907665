using Microsoft.Extensions.Configuration;

namespace Flows.AppHost;

/// <summary>
/// Settings of Flows that are given to the AppHost (command line, environment, appsettings.json) reach the API and the
/// workers: `--Flows:Worker:Concurrency=10` becomes `Flows__Worker__Concurrency` there.
/// </summary>
internal static class PassThrough
{
    /// <summary>What the AppHost decides itself; everything else under `Flows` is handed on.</summary>
    private static readonly string[] OwnSettings =
    [
        "Flows:DataDirectory", "Flows:Ephemeral", "Flows:Worker:Replicas", "Flows:Api:Replicas", "Flows:ContainerType",
        "Flows:Security", "Flows:Bootstrap", "Flows:Deployment", "Flows:LocalHosting",
    ];

    public static IResourceBuilder<ProjectResource> WithSettingsOf(this IResourceBuilder<ProjectResource> project, IDistributedApplicationBuilder builder)
    {
        foreach (var (key, value) in builder.Configuration.GetSection("Flows").AsEnumerable())
        {
            if (value is not null && !OwnSettings.Any(own => IsUnder(key, own)))
                project.WithEnvironment(key.Replace(":", "__", StringComparison.Ordinal), value);
        }
        return project;
    }

    private static bool IsUnder(string key, string section) =>
        key.Equals(section, StringComparison.OrdinalIgnoreCase) || key.StartsWith($"{section}:", StringComparison.OrdinalIgnoreCase);
}
