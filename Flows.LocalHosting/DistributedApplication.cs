using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting;

/// <summary>The diagram as a running application.</summary>
public class DistributedApplication : IHost, IAsyncDisposable
{
    private readonly IHost host;
    private readonly EntryPointRun? run;

    internal DistributedApplication(IHost host, EntryPointRun? run)
    {
        this.host = host;
        this.run = run;
        ResourceNotifications = host.Services.GetRequiredService<ResourceNotificationService>();
    }

    public IServiceProvider Services => host.Services;
    public ResourceNotificationService ResourceNotifications { get; }

    public static IDistributedApplicationBuilder CreateBuilder() => CreateBuilder([]);

    public static IDistributedApplicationBuilder CreateBuilder(string[] args) => CreateBuilder(new DistributedApplicationOptions { Args = args });

    public static IDistributedApplicationBuilder CreateBuilder(DistributedApplicationOptions options) =>
        new DistributedApplicationBuilder(options, EntryPointRun.Current);

    /// <summary>Checks what is needed, then starts the resources as their waits allow. Returns before they are ready.</summary>
    /// <exception cref="DistributedApplicationException">Something is missing or in use; the message says what.</exception>
    public virtual Task StartAsync(CancellationToken cancellationToken = default) => host.StartAsync(cancellationToken);

    public virtual Task StopAsync(CancellationToken cancellationToken = default) => host.StopAsync(cancellationToken);

    /// <summary>Runs until Ctrl-C or SIGTERM. What stops the start is written to the error output, and the process ends with code 1.</summary>
    public virtual async Task RunAsync(CancellationToken cancellationToken = default)
    {
        if (run is not null)
        {
            // The test starts and stops the application; the entry point only has to stay where it is.
            await run.Over;
            return;
        }
        try
        {
            await StartAsync(cancellationToken);
            await host.WaitForShutdownAsync(cancellationToken);
        }
        catch (DistributedApplicationException error)
        {
            await Console.Error.WriteLineAsync($"error: {error.Message}");
            Environment.ExitCode = 1;
        }
        finally
        {
            await DisposeAsync();
        }
    }

    public void Run() => RunAsync().GetAwaiter().GetResult();

    public virtual async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await ((IAsyncDisposable)host).DisposeAsync();
        run?.OnDisposed();
    }

    public virtual void Dispose()
    {
        GC.SuppressFinalize(this);
        DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}
