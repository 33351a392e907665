using Flows.Api.Access;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;

namespace Flows.Api;

/// <summary>The settings that belong to no single feature, checked before the process takes a request.</summary>
internal static class Settings
{
    public static IHostApplicationBuilder AddSettings(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<LimitsOptions>().BindConfiguration(LimitsOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddOptions<KestrelServerOptions>().Configure<IOptions<LimitsOptions>>((kestrel, limits) =>
        {
            kestrel.Limits.MaxRequestBodySize = (long)limits.Value.PayloadMiB << 20;
            kestrel.AddServerHeader = false;
        });

        builder.Services.AddSingleton<IValidateOptions<PublicUrlOptions>, PublicUrlCheck>();
        builder.Services.AddOptions<PublicUrlOptions>().BindConfiguration(PublicUrlOptions.Section).ValidateOnStart();
        builder.Services.AddSingleton<PublicUrl>();
        return builder;
    }

    private sealed class PublicUrlCheck : IValidateOptions<PublicUrlOptions>
    {
        public ValidateOptionsResult Validate(string? name, PublicUrlOptions options) =>
            PublicUrl.Problem(options.PublicUrl) is { } problem ? ValidateOptionsResult.Fail(problem) : ValidateOptionsResult.Success;
    }
}
