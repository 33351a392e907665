using System.Security.Cryptography;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Flows.LocalHosting.Processes;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Flows.LocalHosting.Orchestration;

/// <summary>The life of one resource: prepared, waiting for others, started, ready, stopped. One kind of resource, one subclass.</summary>
internal abstract class RunningResource(IResource resource, HostingContext context) : IAsyncDisposable
{
    private readonly TaskCompletionSource started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<SupervisedProcess> processes = [];

    public IResource Resource => resource;
    public IReadOnlyList<SupervisedProcess> Processes => processes;
    protected HostingContext Context => context;

    /// <summary>The resources that must be ready before this one starts.</summary>
    public virtual IEnumerable<IResource> Dependencies =>
        resource.Annotations.OfType<WaitAnnotation>().Select(wait => wait.Resource);

    /// <summary>Finds programs, values and ports before anything is started, so that what is missing is said at once.</summary>
    /// <exception cref="DistributedApplicationException">Something is missing, or a port is taken.</exception>
    public abstract void Prepare();

    /// <summary>Waits for the others, starts, waits until healthy. Failures are published, not thrown.</summary>
    public async Task RunAsync(Func<IResource, RunningResource> others, CancellationToken cancel)
    {
        var from = context.Clock.GetTimestamp();
        try
        {
            await WaitForOthersAsync(others, cancel);
            await StartAsync(cancel);
            started.TrySetResult();
            await Task.WhenAll(processes.Select(process => process.FirstHealthy)).WaitAsync(cancel);
            foreach (var callback in resource.Annotations.OfType<ResourceReadyAnnotation>())
                await callback.Callback(new(resource, context.Services), cancel);
            PublishAll(snapshot => snapshot with { IsReady = true });
            ready.TrySetResult();
            var seconds = context.Clock.GetElapsedTime(from).TotalSeconds;
            if (processes.Count > 0)
                Log.Ready(context.Logger, resource.Name, seconds);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            started.TrySetCanceled(cancel);
            ready.TrySetCanceled(cancel);
        }
        catch (Exception error)
        {
            // Whatever it was (a callback of the AppHost may throw anything): it is the state of this resource, and those
            // that wait for it have to hear of it instead of waiting for ever.
            Fail(error);
        }
    }

    /// <summary>Stops the processes; what is not a process has nothing to stop.</summary>
    public virtual Task StopAsync() => Task.WhenAll(processes.Select(process => process.StopAsync()));

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        foreach (var process in processes)
            process.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Starts the processes. A subclass does here what has to be done before or instead.</summary>
    protected virtual Task StartAsync(CancellationToken cancel) => Task.WhenAll(processes.Select(process => process.StartAsync()));

    /// <summary>A random suffix, as with Aspire: names of replicas are not to be relied on.</summary>
    protected string NewReplicaId() => $"{resource.Name}-{RandomNumberGenerator.GetString("abcdefghjkmnpqrstuvwxyz23456789", 6)}";

    protected SupervisedProcess AddProcess(
        string id, Func<CancellationToken, Task<ProcessStart>> describe, Func<CancellationToken, Task<string?>> probe)
    {
        var process = new SupervisedProcess(id, resource, context, describe, probe);
        processes.Add(process);
        process.Publish(snapshot => snapshot with { State = KnownResourceStates.NotStarted });
        return process;
    }

    /// <summary>For every replica, or for the resource itself where it is not a process.</summary>
    protected void PublishAll(Func<CustomResourceSnapshot, CustomResourceSnapshot> change)
    {
        foreach (var process in processes)
            process.Publish(change);
        if (processes.Count == 0)
            context.Notifications.PublishUpdateAsync(resource, resource.Name, change);
    }

    protected void PublishRunning() =>
        PublishAll(snapshot => snapshot with { State = KnownResourceStates.Running, HealthStatus = HealthStatus.Healthy });

    private async Task WaitForOthersAsync(Func<IResource, RunningResource> others, CancellationToken cancel)
    {
        if (Dependencies.Any())
            PublishAll(snapshot => snapshot with { State = KnownResourceStates.Waiting });
        var onlyStarted = resource.Annotations.OfType<WaitAnnotation>()
            .Where(wait => wait.WaitType == WaitType.WaitUntilStarted).Select(wait => wait.Resource).ToHashSet();
        foreach (var dependency in Dependencies.Distinct())
        {
            var other = others(dependency);
            try
            {
                await (onlyStarted.Contains(dependency) ? other.started.Task : other.ready.Task).WaitAsync(cancel);
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                throw new DistributedApplicationException($"it waits for '{dependency.Name}', which could not be started", error);
            }
        }
    }

    private void Fail(Exception error)
    {
        Log.FailedToStart(context.Logger, resource.Name, error.Message);
        PublishAll(snapshot => snapshot with
        {
            State = KnownResourceStates.FailedToStart,
            HealthStatus = HealthStatus.Unhealthy,
            HealthReports = [new("start", HealthStatus.Unhealthy, error.Message, ExceptionText: null)],
        });
        started.TrySetException(error);
        ready.TrySetException(error);
        // Nobody may be waiting for this resource; its failure has been told all the same.
        _ = started.Task.Exception;
        _ = ready.Task.Exception;
    }
}
