using Flows.Api.Connections.Keys;
using Flows.Api.Connections.OAuth;
using Flows.Api.Outbound;
using Flows.Api.Runs;

namespace Flows.Api.Connections;

/// <summary>Connections and variables, and how runs get them.</summary>
internal static class ConnectionsSetup
{
    public static IHostApplicationBuilder AddConnections(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<SecretEnvelope>();
        builder.Services.AddSingleton<VersionNeeds>();
        builder.Services.AddSingleton<ClaimedValues>();
        builder.AddOutboundHttp();
        builder.Services.AddSingleton<OAuthConnections>();
        builder.Services.AddSingleton<OAuthGrants>();
        builder.Services.AddSingleton<TokenEndpoint>();
        builder.Services.AddSingleton<TokenKeeper>();
        builder.Services.AddSingleton<SignIns>();
        builder.Services.AddSingleton<SealedRows>();
        builder.Services.AddSingleton<KeysInUse>();
        builder.Services.AddHealthChecks().AddCheck<KeysInUse>("encryption keys");
        RunsRegistration.AddHosted<KeyRotation>(builder.Services);
        RunsRegistration.AddHosted<TokenRenewer>(builder.Services);
        return builder;
    }
}
