using System.Text.Json;
using Aspire.Hosting;

namespace Flows.LocalHosting;

/// <summary>One "Project" profile of a Properties/launchSettings.json.</summary>
internal sealed record LaunchProfile(string Name, IReadOnlyList<Uri> Urls, IReadOnlyDictionary<string, string> Environment)
{
    private static readonly JsonDocumentOptions Lenient = new() { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip };

    /// <summary>Reads the profile of that name, else the first one. Null when the project has none.</summary>
    /// <exception cref="DistributedApplicationException">The file is not what it should be.</exception>
    public static LaunchProfile? Read(string projectDirectory, string? preferred)
    {
        var file = Path.Combine(projectDirectory, "Properties", "launchSettings.json");
        if (!File.Exists(file))
            return null;
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllText(file), Lenient);
            if (!document.RootElement.TryGetProperty("profiles", out var profiles))
                return null;

            var usable = profiles.EnumerateObject()
                .Where(profile => profile.Value.TryGetProperty("commandName", out var command) && command.ValueEquals("Project"))
                .ToList();
            if (usable.Count == 0)
                return null;

            var chosen = usable.Find(profile => profile.Name == preferred) is { Value.ValueKind: JsonValueKind.Object } named ? named : usable[0];
            return new(chosen.Name, UrlsOf(chosen.Value), EnvironmentOf(chosen.Value));
        }
        catch (Exception error) when (error is JsonException or UriFormatException or InvalidOperationException)
        {
            throw new DistributedApplicationException($"{file} cannot be read: {error.Message}", error);
        }
    }

    // No development certificate is assumed here, so only plain HTTP is served.
    private static List<Uri> UrlsOf(JsonElement profile) =>
        profile.TryGetProperty("applicationUrl", out var urls)
            ? [.. urls.GetString()!.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .Select(url => new Uri(url)).Where(url => url.Scheme == Uri.UriSchemeHttp)]
            : [];

    private static Dictionary<string, string> EnvironmentOf(JsonElement profile) =>
        profile.TryGetProperty("environmentVariables", out var variables)
            ? variables.EnumerateObject().ToDictionary(variable => variable.Name, variable => variable.Value.ToString())
            : [];
}
