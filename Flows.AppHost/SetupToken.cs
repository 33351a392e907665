using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;

namespace Flows.AppHost;

/// <summary>
/// The token that makes the first owner. On a developer's machine it lies in the file `setup-token` of the data folder, and its link is
/// printed at each start until somebody is owner; for a deployment it is a secret that has to be given.
/// </summary>
internal static class SetupToken
{
    private const string Variable = "Flows__Bootstrap__SetupToken";
    private const string File = "setup-token";
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(5);

    public static IResourceBuilder<ProjectResource> WithSetupToken(this IResourceBuilder<ProjectResource> api)
    {
        var builder = api.ApplicationBuilder;
        var token = builder.ExecutionContext.IsPublishMode
            ? builder.AddParameter("setup-token", secret: true)
            : builder.AddParameter("setup-token", () => Given(builder) ?? SecretFile.ReadOrMake(Path.Combine(DataFolder.Of(builder), File), () => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24))), secret: true);
        return api.WithEnvironment(Variable, token);
    }

    /// <returns>The link, or null when there is an owner, the API does not say, or the token was given from outside: whoever gave it has it.</returns>
    public static async Task<string?> LinkAsync(string api, IDistributedApplicationBuilder builder, string folder)
    {
        var file = Path.Combine(folder, File);
        if (Given(builder) is not null || !System.IO.File.Exists(file))
            return null;
        try
        {
            using var http = new HttpClient { Timeout = s_longest };
            var state = await http.GetFromJsonAsync<JsonElement>($"{api}/api/v1/setup");
            return state.GetProperty("open").GetBoolean() ? $"{api}/setup?token={(await System.IO.File.ReadAllTextAsync(file)).Trim()}" : null;
        }
        catch (Exception error) when (error is HttpRequestException or OperationCanceledException or JsonException)
        {
            return null;
        }
    }

    private static string? Given(IDistributedApplicationBuilder builder) =>
        builder.Configuration["Parameters:setup-token"] is { Length: > 0 } given ? given : null;
}
