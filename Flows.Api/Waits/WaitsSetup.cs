using Flows.Api.Runs;

namespace Flows.Api.Waits;

/// <summary>Waits of runs: their links, their ends, and the pages and calls that end them.</summary>
internal static class WaitsSetup
{
    public static void AddWaits(this IHostApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddOptions<RetentionOptions>().BindConfiguration(RetentionOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, WaitsJson.Default));
        services.AddSingleton<RunLinks>();
        services.AddSingleton<WaitReader>();
        services.AddSingleton<Approvals>();
        RunsRegistration.AddHosted<DueWaitWaker>(services);
        RunsRegistration.AddHosted<EndedCallSweeper>(services);
    }

    public static IEndpointRouteBuilder MapWaits(this IEndpointRouteBuilder app)
    {
        app.MapResume();
        app.MapApprovals();
        return app;
    }
}
