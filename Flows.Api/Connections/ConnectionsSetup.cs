namespace Flows.Api.Connections;

/// <summary>Connections and variables, and how runs get them.</summary>
internal static class ConnectionsSetup
{
    public static IHostApplicationBuilder AddConnections(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<SecretEnvelope>();
        builder.Services.AddSingleton<VersionNeeds>();
        builder.Services.AddSingleton<ClaimedValues>();
        return builder;
    }
}
