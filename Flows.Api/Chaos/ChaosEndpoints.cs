using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Runs;
using Flows.Api.Users;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Flows.Api.Chaos;

/// <summary>Kills one of the system's own workers in the middle of a sample run of a test project, and shows what became of the run.</summary>
internal static class ChaosEndpoints
{
    private const string Page = "/admin/chaos";
    private const int MaxWaitSeconds = 240;

    // A run is taken and its first steps are done in a moment; the rest is seen to by whoever asks, and by the housekeeper.
    private static readonly TimeSpan s_forTheOrder = TimeSpan.FromSeconds(20);

    public static IHostApplicationBuilder AddChaos(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ChaosRows>();
        builder.Services.AddSingleton<ChaosSample>();
        builder.Services.AddSingleton<ChaosDrills>();
        builder.Services.AddHostedService<ChaosKeeper>();
        builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, ChaosJson.Default));
        return builder;
    }

    public static void MapChaos(this IEndpointRouteBuilder app)
    {
        var chaos = app.MapGroup("/api/v1/system/chaos").AddEndpointFilter<UnavailableFilter>().WithTags("System").Requires(Permission.OperateQueue);
        chaos.MapPost("", Begin).Requires(Permission.StartRuns).Audited("chaos.started", ahead: true)
            .WithSummary("Kill a worker in the middle of a sample run of a test project; ?wait=seconds answers with the whole report")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status409Conflict);
        chaos.MapGet("", List).WithSummary("The project's newest reports of killed workers, newest first");
        chaos.MapGet("/{id:guid}", Get).WithSummary("What is known of a killed worker and its run by now").ProducesProblem(StatusCodes.Status404NotFound);

        var page = app.MapGroup(Page).Requires(Permission.OperateQueue).AddEndpointFilter<FormTokenFilter>().AddEndpointFilter<UnavailableFilter>().ExcludeFromDescription();
        page.MapGet("", Show);
        page.MapPost("", Press).Requires(Permission.StartRuns).Audited("chaos.started", ahead: true);
    }

    private static async Task<Results<Ok<ChaosReport>, Accepted<ChaosReport>, ProblemHttpResult>> Begin(
        int? wait, CurrentProject project, Caller caller, ChaosDrills drills, AuditTrail audit, CancellationToken cancel)
    {
        if (wait is < 1 or > MaxWaitSeconds)
            return Problems.BadRequest("wait", $"wait must be from 1 to {MaxWaitSeconds} seconds.");
        var (id, refusal) = await drills.BeginAsync(project.Id, caller.Name, cancel);
        if (refusal is not null)
            return RunProblems.Of(StatusCodes.Status409Conflict, refusal.Code, refusal.Detail);
        audit.Tell(after: new { Chaos = id });
        var report = (await FollowAsync(drills, project, id!.Value, wait is { } seconds ? TimeSpan.FromSeconds(seconds) : null, cancel))!;
        return report.IsOpen ? TypedResults.Accepted($"/api/v1/system/chaos/{id}", report) : TypedResults.Ok(report);
    }

    /// <summary>Up to the moment in which the worker is told, which must not be missed; with a time to wait, to the end.</summary>
    private static Task<ChaosReport?> FollowAsync(ChaosDrills drills, CurrentProject project, Guid id, TimeSpan? wait, CancellationToken cancel) =>
        drills.FollowAsync(project.Id, id, report => wait is null && report.State != ChaosState.Starting, wait ?? s_forTheOrder, cancel);

    private static async Task<Ok<ChaosList>> List(CurrentProject project, ChaosRows rows, ChaosDrills drills, CancellationToken cancel) =>
        TypedResults.Ok(new ChaosList(await ReportsAsync(project, rows, drills, cancel)));

    private static async Task<Results<Ok<ChaosReport>, ProblemHttpResult>> Get(Guid id, CurrentProject project, ChaosRows rows, ChaosDrills drills, CancellationToken cancel) =>
        await rows.FindAsync(project.Id, id, cancel) is { } drill ? TypedResults.Ok(await drills.AdvanceAsync(drill, cancel)) : Problems.NotFound($"There is no report {id}.");

    private static async Task<ChaosPage> Show(Caller caller, FormToken forms, CurrentProject project, ChaosRows rows, ChaosDrills drills, CancellationToken cancel) =>
        await PageAsync(caller, forms, project, rows, drills, refusal: null, cancel);

    private static async Task<Results<RedirectHttpResult, ChaosPage>> Press(
        Caller caller, FormToken forms, CurrentProject project, ChaosRows rows, ChaosDrills drills, AuditTrail audit, CancellationToken cancel)
    {
        var (id, refusal) = await drills.BeginAsync(project.Id, caller.Name, cancel);
        if (refusal is not null)
            return await PageAsync(caller, forms, project, rows, drills, refusal, cancel);
        audit.Tell(after: new { Chaos = id });
        await FollowAsync(drills, project, id!.Value, wait: null, cancel);
        return TypedResults.Redirect($"{Page}?project={project.Id}");
    }

    private static async Task<ChaosPage> PageAsync(
        Caller caller, FormToken forms, CurrentProject project, ChaosRows rows, ChaosDrills drills, ChaosRefusal? refusal, CancellationToken cancel) =>
        new(project.Id, await rows.IsTestProjectAsync(project.Id, cancel), await ReportsAsync(project, rows, drills, cancel), refusal,
            caller.SessionId is { } session ? forms.For(session) : null);

    private static async Task<List<ChaosReport>> ReportsAsync(CurrentProject project, ChaosRows rows, ChaosDrills drills, CancellationToken cancel)
    {
        var reports = new List<ChaosReport>();
        foreach (var drill in await rows.NewestAsync(project.Id, cancel))
            reports.Add(await drills.AdvanceAsync(drill, cancel));
        return reports;
    }
}
