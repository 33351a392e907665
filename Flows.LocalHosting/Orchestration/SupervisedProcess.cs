using System.Collections.Immutable;
using Aspire.Hosting.ApplicationModel;
using Flows.LocalHosting.Processes;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Flows.LocalHosting.Orchestration;

/// <summary>One process of a resource: started, watched, started again when it crashes, stopped when asked to.</summary>
/// <param name="id">Of the replica; stays the same when the process is started again.</param>
/// <param name="describe">What to start; asked before every start.</param>
/// <param name="probe">What is wrong with the running process; null when it is well.</param>
internal sealed class SupervisedProcess(
    string id,
    IResource resource,
    HostingContext context,
    Func<CancellationToken, Task<ProcessStart>> describe,
    Func<CancellationToken, Task<string?>> probe) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LastWordsLimit = TimeSpan.FromSeconds(1);
    /// <summary>How often a healthy process is asked; replicas that say no are left out by the address they share. A time span, 5 s by default.</summary>
    private const string ProbeEverySetting = "Flows:LocalHosting:ProbeEvery";

    private readonly TaskCompletionSource firstHealthy = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SemaphoreSlim commands = new(1, 1);
    private CancellationTokenSource? stopping;
    private Task loop = Task.CompletedTask;
    private int restarts;

    public string Id => id;
    public bool IsHealthy { get; private set; }
    /// <summary>Completes when the process is healthy for the first time; fails when it cannot be started at all.</summary>
    public Task FirstHealthy => firstHealthy.Task;

    public async Task StartAsync()
    {
        await commands.WaitAsync();
        try
        {
            if (!loop.IsCompleted)
                return;
            stopping?.Dispose();
            stopping = new CancellationTokenSource();
            loop = Task.Run(() => SuperviseAsync(stopping.Token));
        }
        finally
        {
            commands.Release();
        }
    }

    public async Task StopAsync()
    {
        await commands.WaitAsync();
        try
        {
            if (stopping is null)
                return;
            await stopping.CancelAsync();
            await loop;
        }
        finally
        {
            commands.Release();
        }
    }

    public void Publish(Func<CustomResourceSnapshot, CustomResourceSnapshot> change) =>
        context.Notifications.PublishUpdateAsync(resource, id, change);

    public void Dispose()
    {
        stopping?.Dispose();
        commands.Dispose();
    }

    private async Task SuperviseAsync(CancellationToken stop)
    {
        var backoff = new RestartBackoff(context.Clock, context.Configuration.GetValue<TimeSpan?>(RestartBackoff.LongestPauseSetting));
        while (!stop.IsCancellationRequested)
        {
            ChildProcess child;
            try
            {
                Publish(snapshot => snapshot with { State = KnownResourceStates.Starting, HealthStatus = null, ExitCode = null });
                child = await LaunchAsync(stop);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                break;
            }
            catch (Exception error)
            {
                // A callback of the AppHost that puts the environment together may throw anything.
                CannotStart(error);
                return;
            }

            using (child)
            {
                if (await WatchAsync(child, backoff, stop) is not { } exitCode)
                    break;
                await PauseAsync(exitCode, backoff.Next(), stop);
            }
        }
        IsHealthy = false;
        Publish(snapshot => Ended(snapshot) with { State = KnownResourceStates.Finished });
    }

    private async Task<ChildProcess> LaunchAsync(CancellationToken stop)
    {
        var start = await describe(stop);
        var log = context.Logs.Of(resource.Name);
        var child = ChildProcess.Start(start, (line, isError) => log.Write(id, line, isError));
        context.Reaper.Watch(child);
        var inherited = context.InheritedEnvironment();
        Publish(snapshot => (snapshot with
        {
            State = KnownResourceStates.Running,
            StartTimeStamp = context.Clock.GetUtcNow().UtcDateTime,
            StopTimeStamp = null,
            EnvironmentVariables = [.. start.Environment.OrderBy(variable => variable.Key, StringComparer.OrdinalIgnoreCase)
                .Select(variable => new EnvironmentVariableSnapshot(variable.Key, variable.Value, IsFromSpec: !inherited.Contains(variable)))],
        }).With("executable.pid", child.Pid).With("executable.path", start.File).With("flows.restarts", restarts));
        return child;
    }

    /// <summary>Until the process ends by itself (gives its exit code) or has been stopped (null).</summary>
    private async Task<int?> WatchAsync(ChildProcess child, RestartBackoff backoff, CancellationToken stop)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var health = WatchHealthAsync(backoff, ended.Token);
        await ((Task)child.Exited).WaitAsync(stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var stopped = stop.IsCancellationRequested;
        if (stopped)
        {
            Publish(snapshot => snapshot with { State = KnownResourceStates.Stopping });
            await child.StopAsync(Patience);
        }
        else
        {
            // What it started must not work on beside its successor.
            await child.EndGroupAsync();
            // Its last words are told with its end, so they must be here by then.
            await child.OutputRead.WaitAsync(LastWordsLimit, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        context.Reaper.Forget(child.Pid);
        await ended.CancelAsync();
        await health;
        IsHealthy = false;
        return stopped ? null : await child.Exited;
    }

    private async Task PauseAsync(int exitCode, TimeSpan pause, CancellationToken stop)
    {
        restarts++;
        Log.Crashed(context.Logger, id, exitCode, pause.TotalSeconds, LastWords());
        Publish(snapshot => Ended(snapshot) with { State = KnownResourceStates.Exited, ExitCode = exitCode, HealthStatus = HealthStatus.Unhealthy });
        await Task.Delay(pause, context.Clock, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task WatchHealthAsync(RestartBackoff backoff, CancellationToken ended)
    {
        string? told = null;
        var every = context.Configuration.GetValue<TimeSpan?>(ProbeEverySetting) is { } given && given >= TimeSpan.FromMilliseconds(50) ? given : TimeSpan.FromSeconds(5);
        for (var tries = 0; !ended.IsCancellationRequested; tries++)
        {
            var problem = await AskAsync(ended);
            if (ended.IsCancellationRequested)
                return;

            if (problem is null)
                backoff.Healthy();
            else
                backoff.Unhealthy();
            IsHealthy = problem is null;
            if (told != (problem ?? ""))
                Tell(problem);
            told = problem ?? "";
            if (problem is null)
                firstHealthy.TrySetResult();

            // Impatient at first, when somebody waits for it; then at a pace that costs nothing.
            var pause = problem is null ? every : TimeSpan.FromMilliseconds(tries < 200 ? 50 : 500);
            await Task.Delay(pause, ended).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<string?> AskAsync(CancellationToken ended)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ended);
        limit.CancelAfter(ProbeLimit);
        try
        {
            return await probe(limit.Token);
        }
        catch (OperationCanceledException)
        {
            return $"no answer within {ProbeLimit.TotalSeconds:0} s";
        }
    }

    private void Tell(string? problem) => Publish(snapshot => snapshot with
    {
        HealthStatus = problem is null ? HealthStatus.Healthy : HealthStatus.Unhealthy,
        HealthReports = [new("health", problem is null ? HealthStatus.Healthy : HealthStatus.Unhealthy, problem, ExceptionText: null)],
    });

    private void CannotStart(Exception error)
    {
        Log.FailedToStart(context.Logger, id, error.Message);
        context.Logs.Of(resource.Name).Write(id, error.Message, isError: true);
        Publish(snapshot => Ended(snapshot) with
        {
            State = KnownResourceStates.FailedToStart,
            HealthStatus = HealthStatus.Unhealthy,
            HealthReports = [new("start", HealthStatus.Unhealthy, error.Message, ExceptionText: null)],
        });
        firstHealthy.TrySetException(error);
    }

    private CustomResourceSnapshot Ended(CustomResourceSnapshot snapshot) =>
        (snapshot with { StopTimeStamp = context.Clock.GetUtcNow().UtcDateTime, HealthStatus = null })
            .With("executable.pid", null).With("flows.restarts", restarts);

    private string LastWords() => string.Join("", context.Logs.Of(resource.Name).Last(40)
        .Where(line => line.Source == id).TakeLast(8).Select(line => $"{Environment.NewLine}      {line.Text}"));
}
