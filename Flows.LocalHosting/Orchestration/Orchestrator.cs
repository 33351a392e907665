using System.Reflection;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Flows.LocalHosting.Dashboard;
using Flows.LocalHosting.Servers;
using Microsoft.Extensions.Hosting;

namespace Flows.LocalHosting.Orchestration;

/// <summary>Starts the resources of the diagram as their waits allow, and stops them the other way round.</summary>
internal sealed class Orchestrator(IResourceCollection model, HostingContext context, AppHostAssembly appHost, DashboardAddress dashboard) : IHostedService, IAsyncDisposable
{
    private readonly CancellationTokenSource stopping = new();
    private Dictionary<IResource, RunningResource> running = [];
    private Task lives = Task.CompletedTask;
    private bool stopped;

    /// <summary>The process behind a replica's id. Null when there is none.</summary>
    public SupervisedProcess? Find(string replicaId) =>
        running.Values.SelectMany(resource => resource.Processes).FirstOrDefault(process => process.Id == replicaId);

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (context.Execution.IsPublishMode)
            throw new DistributedApplicationException("Publishing and deploying need the Aspire stack: build with -p:FlowsStack=Aspire.");

        context.Data.Lock();
        context.Reaper.Start();
        var checkedModel = model.ToDictionary(resource => resource, RunningKind);
        CheckForCircles(checkedModel);
        running = checkedModel;
        Prepare();
        lives = Task.WhenAll(running.Values.Select(resource => resource.RunAsync(other => running[other], stopping.Token)));
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (stopped)
            return;
        stopped = true;
        await stopping.CancelAsync();
        await lives;
        foreach (var level in running.Values.GroupBy(LevelOf).OrderByDescending(level => level.Key))
            await Task.WhenAll(level.Select(resource => resource.StopAsync()));
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync(CancellationToken.None);
        foreach (var resource in running.Values)
            await resource.DisposeAsync();
        await context.Reaper.DisposeAsync();
        context.Logs.Dispose();
        context.Data.Dispose();
        stopping.Dispose();
    }

    private RunningResource RunningKind(IResource resource) => resource switch
    {
        ParameterResource parameter => new RunningParameter(parameter, context),
        PostgresServerResource postgres => new RunningPostgres(postgres, context),
        PostgresDatabaseResource database => new RunningDatabase(database, context),
        RedisResource redis => new RunningRedis(redis, context),
        ProjectResource project => new RunningProject(project, context, appHost.Assembly),
        _ => throw new DistributedApplicationException($"'{resource.Name}' is of a kind that the Local stack cannot run: {resource.GetType().Name}."),
    };

    /// <summary>Everything that is wrong is said at once, not one thing per start.</summary>
    private void Prepare()
    {
        var problems = new List<string>();
        foreach (var prepare in running.Values.Select<RunningResource, Action>(resource => resource.Prepare).Append(dashboard.CheckFree))
        {
            try
            {
                prepare();
            }
            catch (DistributedApplicationException problem)
            {
                problems.Add(problem.Message);
            }
        }
        if (problems.Count > 0)
            throw new DistributedApplicationException(string.Join(Environment.NewLine, problems));
    }

    /// <summary>0 for what depends on nothing, else one more than the highest level it depends on.</summary>
    private int LevelOf(RunningResource resource) =>
        resource.Dependencies.Select(dependency => LevelOf(running[dependency]) + 1).DefaultIfEmpty(0).Max();

    private static void CheckForCircles(Dictionary<IResource, RunningResource> model)
    {
        foreach (var resource in model.Values)
            Walk(resource, []);

        void Walk(RunningResource resource, List<IResource> path)
        {
            if (path.Contains(resource.Resource))
                throw new DistributedApplicationException($"Resources wait for each other: {string.Join(" → ", path.Append(resource.Resource).Select(step => step.Name))}.");
            foreach (var dependency in resource.Dependencies)
                Walk(model[dependency], [.. path, resource.Resource]);
        }
    }
}

/// <summary>The assembly of the AppHost: where its project lies, and how it was built.</summary>
internal sealed record AppHostAssembly(Assembly Assembly);
