using System.Buffers.Text;
using System.Security.Cryptography;

namespace Flows.AppHost;

/// <summary>
/// The API key with which the default project is made at the first start. On a developer's machine it lies in the file
/// `api-key` of the data folder, for scripts and for curl; for a deployment it is a secret that has to be given.
/// </summary>
internal static class BootstrapKey
{
    private const string Variable = "Flows__Bootstrap__ApiKey";

    public static IResourceBuilder<ProjectResource> WithBootstrapKey(this IResourceBuilder<ProjectResource> api)
    {
        var builder = api.ApplicationBuilder;
        var key = builder.ExecutionContext.IsPublishMode
            ? builder.AddParameter("bootstrap-api-key", secret: true)
            : builder.AddParameter("bootstrap-api-key", () => Given(builder) ?? ReadOrMake(Path.Combine(DataFolder.Of(builder), "api-key")), secret: true);
        return api.WithEnvironment(Variable, key);
    }

    // A parameter with a callback does not look at the configuration by itself.
    private static string? Given(IDistributedApplicationBuilder builder) =>
        builder.Configuration["Parameters:bootstrap-api-key"] is { Length: > 0 } given ? given : null;

    /// <summary>`flk_` and 43 characters: 256 bits in the alphabet of base64url.</summary>
    private static string ReadOrMake(string file) => SecretFile.ReadOrMake(file, () => $"flk_{Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32))}");
}
