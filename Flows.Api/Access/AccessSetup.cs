using System.Buffers.Text;
using System.Security.Cryptography;
using Flows.Api.Audit;
using Flows.Api.Users;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.Options;

namespace Flows.Api.Access;

/// <summary>Who may come in: credentials of users and of workers that never stand in for each other, and no way in without one.</summary>
internal static class AccessSetup
{
    /// <summary>Call it before the worker is added: in development it may put the worker token into the configuration.</summary>
    public static IHostApplicationBuilder AddAccess(this IHostApplicationBuilder builder)
    {
        if (builder.Environment.IsDevelopment())
            MakeUpMissingSecrets(builder.Configuration);
        var services = builder.Services;
        services.AddSingleton<IValidateOptions<SecurityOptions>, SecurityCheck>();
        services.AddOptions<SecurityOptions>().BindConfiguration(SecurityOptions.Section).ValidateOnStart();
        services.AddSingleton<WorkerToken>();
        services.AddSingleton<ApiKeyCache>();
        services.AddSingleton<SessionCache>();
        services.AddSingleton<Standing>();
        services.AddSingleton<AccessNews>();
        services.AddHostedService(provider => provider.GetRequiredService<AccessNews>());
        services.AddOptions<SignInOptions>().BindConfiguration(SignInOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<Passwords>();
        services.AddSingleton<SignInGuard>();
        services.AddSingleton<SessionCleaner>();
        services.AddOptions<AuditOptions>().BindConfiguration(AuditOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<AuditCleaner>();
        services.AddSingleton<FormToken>();
        services.AddScoped<SignIn>();
        services.AddScoped<OwnerSetup>();
        services.AddScoped<Invitations>();
        services.AddHostedService<CredentialUpkeep>();

        // No default scheme: each policy names its own, so that a worker's request is never looked up as a user's.
        services.AddAuthentication()
            .AddScheme<AuthenticationSchemeOptions, CallerAuthentication>(CallerAuthentication.Scheme, configureOptions: null)
            .AddScheme<AuthenticationSchemeOptions, WorkerTokenAuthentication>(WorkerTokenAuthentication.Scheme, configureOptions: null);
        services.AddSingleton<IAuthorizationHandler, PermissionHandler>();
        var user = new AuthorizationPolicyBuilder(CallerAuthentication.Scheme).RequireAuthenticatedUser().AddRequirements(new PermissionRequirement()).Build();
        services.AddAuthorizationBuilder()
            .AddPolicy(Policies.User, user)
            .AddPolicy(Policies.Worker, policy => policy.AddAuthenticationSchemes(WorkerTokenAuthentication.Scheme).RequireClaim(WorkerTokenAuthentication.Claim))
            .SetDefaultPolicy(user)
            .SetFallbackPolicy(user);
        return builder;
    }

    public static void UseAccess(this IApplicationBuilder app)
    {
        app.UseAuthentication();
        app.UseAuthorization();
    }

    private static void MakeUpMissingSecrets(IConfigurationManager configuration)
    {
        string[] keys = [$"{SecurityOptions.Section}:{nameof(SecurityOptions.EncryptionKey)}", $"{SecurityOptions.Section}:{nameof(SecurityOptions.WorkerToken)}"];
        configuration.AddInMemoryCollection(keys
            .Where(key => string.IsNullOrEmpty(configuration[key]))
            .Select(key => KeyValuePair.Create(key, (string?)Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32)))));
    }
}
