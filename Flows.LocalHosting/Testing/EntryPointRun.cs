using System.Reflection;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Testing;

/// <summary>
/// One call of an AppHost's entry point by a test, on a thread of its own. The entry point draws its diagram as always;
/// where it builds, it waits for the test, and where it runs, it waits for the test to be over.
/// </summary>
internal sealed class EntryPointRun(Assembly assembly, Action<DistributedApplicationOptions, HostApplicationBuilderSettings> configure)
{
    private static readonly AsyncLocal<EntryPointRun?> Running = new();

    private readonly TaskCompletionSource<DistributedApplicationBuilder> drawn = New<DistributedApplicationBuilder>();
    private readonly TaskCompletionSource<bool> wanted = New<bool>();
    private readonly TaskCompletionSource<DistributedApplication> built = New<DistributedApplication>();
    private readonly TaskCompletionSource<bool> over = New<bool>();

    /// <summary>The run that this code is part of; null outside of tests.</summary>
    public static EntryPointRun? Current => Running.Value;

    public Assembly Assembly => assembly;
    public Task Over => over.Task;

    public void Configure(DistributedApplicationOptions options, HostApplicationBuilderSettings settings) => configure(options, settings);

    /// <summary>Calls the entry point; gives its builder when the diagram is drawn.</summary>
    /// <exception cref="DistributedApplicationException">And any other exception that the entry point throws.</exception>
    public Task<DistributedApplicationBuilder> StartAsync(string[] args)
    {
        var entry = assembly.EntryPoint ?? throw new ArgumentException($"{assembly.GetName().Name} has no entry point.", nameof(args));
        var thread = new Thread(() => Call(entry, args)) { IsBackground = true, Name = "AppHost entry point" };
        thread.Start();
        return drawn.Task;
    }

    /// <summary>Lets the entry point go on.</summary>
    public Task<DistributedApplication> BuildAsync()
    {
        wanted.TrySetResult(true);
        return built.Task;
    }

    /// <summary>The test does not want the application any more: the entry point ends where it waits.</summary>
    public void Abandon() => wanted.TrySetException(new AbandonedException());

    public void OnBuilding(DistributedApplicationBuilder builder)
    {
        drawn.TrySetResult(builder);
        wanted.Task.GetAwaiter().GetResult();
    }

    public void OnBuilt(DistributedApplication application) => built.TrySetResult(application);

    public void OnDisposed() => over.TrySetResult(true);

    private void Call(MethodInfo entry, string[] args)
    {
        Running.Value = this;
        try
        {
            entry.Invoke(null, entry.GetParameters().Length == 0 ? [] : [args]);
            drawn.TrySetException(new InvalidOperationException($"The entry point of {assembly.GetName().Name} has ended without building an application."));
        }
        catch (TargetInvocationException error) when (error.InnerException is AbandonedException)
        {
            // Asked for.
        }
        catch (TargetInvocationException error)
        {
            drawn.TrySetException(error.InnerException ?? error);
            built.TrySetException(error.InnerException ?? error);
        }
    }

    private static TaskCompletionSource<T> New<T>() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed class AbandonedException : Exception;
}

/// <summary>An application whose end is decided by a test.</summary>
internal sealed class NoLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
