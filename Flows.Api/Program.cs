using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Chaos;
using Flows.Api.Connections.OAuth;
using Flows.Api.Flows;
using Flows.Api.Migrations;
using Flows.Api.Outbound;
using Flows.Api.Projects;
using Flows.Api.Queues;
using Flows.Api.Reference;
using Flows.Api.Runs;
using Flows.Api.Users;
using Flows.Api.Waits;
using Flows.Api.Web;
using Flows.Api.Webhooks;
using Flows.Api.Workers;
using Flows.Queue;
using Flows.ServiceDefaults;
using Flows.Worker;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Flows.Api;

/// <summary>The process: REST, webhooks and, in WORKER_AND_APP, the worker as well.</summary>
internal static class Program
{
    public static Task<int> Main(string[] args) => StartFailure.RunAsync(() => Create(args), SchemaState.ExitCode);

    /// <param name="adapt">For tests: comes first, so that what it adds or sets is found by the rest.</param>
    public static WebApplication Create(string[] args, Action<WebApplicationBuilder>? adapt = null)
    {
        // Settings lie beside the executable, wherever it was started from.
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        adapt?.Invoke(builder);
        builder.AddServiceDefaults();
        builder.AddNpgsqlDataSource(Database.ConnectionName, configureDataSourceBuilder: Preparing.KeepWithoutReset);
        builder.AddRedisClient("redis");
        builder.Services.AddReadinessWithout("StackExchange.Redis"); // runs are accepted without it, and queued when it is back
        builder.AddRunQueue();
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.AddSettings();
        builder.AddDraining();
        builder.AddErrorAnswers();
        builder.AddJson();
        builder.AddApiDescription();
        builder.AddDatabase();
        builder.AddHttpSafety();
        builder.AddAccess();
        builder.AddOutboundHttp();
        builder.AddFlows();
        builder.AddRuns();
        builder.AddQueues();
        builder.AddChaos();
        builder.AddWebApp();
        if (builder.Configuration.ReadContainerType() == ContainerType.WorkerAndApp)
        {
            builder.SetOwnAddress();
            builder.AddFlowsWorker();
        }

        var app = builder.Build();
        app.UseDraining();
        app.UseHttpSafety();
        app.UseErrorAnswers();
        app.UsePathBase(app.Services.GetRequiredService<PublicUrl>().PathBase);
        app.UseRouting();
        app.UseRequestSpans();
        app.UseDatabaseGate();
        app.UseUnknownRoutes();
        app.UseAccess();
        app.MapDefaultEndpoints();
        app.MapMetrics().Requires(Permission.OperateQueue);
        app.MapApiDescription();
        var api = app.MapGroup("/api/v1");
        api.MapSessions();
        api.MapApiKeys();
        api.MapProjects();
        api.MapAudit();
        api.MapFlows();
        app.MapRuns();
        app.MapWebhooks();
        app.MapWaits();
        app.MapSignIn();
        app.MapWorkerEndpoints();
        app.MapQueues();
        app.MapChaos();
        app.MapSignInPages();
        app.MapWebApp();
        return app;
    }
}
