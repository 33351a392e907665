using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace Flows.Tests;

/// <summary>A service outside of Flows that answers nobody until it is opened, and tells when somebody has come or has given up.</summary>
internal sealed class Gate : IAsyncDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private readonly WebApplication _app;
    private readonly SemaphoreSlim _arrivals = new(0);
    private readonly SemaphoreSlim _departures = new(0);
    private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Gate(WebApplication app) => _app = app;

    public string Address => _app.Urls.Single();

    public static async Task<Gate> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var gate = new Gate(app);
        app.Run(async http =>
        {
            gate._arrivals.Release();
            await gate._open.Task.WaitAsync(http.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (http.RequestAborted.IsCancellationRequested)
                gate._departures.Release();
        });
        await app.StartAsync();
        return gate;
    }

    /// <summary>Waits for one more caller.</summary>
    public async Task ArrivalAsync() => Assert.True(await _arrivals.WaitAsync(s_limit), "Nobody came.");

    /// <summary>Callers that have come and that nobody has waited for.</summary>
    public int Unseen => _arrivals.CurrentCount;

    /// <summary>Waits until one more caller has closed its connection without an answer.</summary>
    public async Task DepartureAsync() => Assert.True(await _departures.WaitAsync(s_limit), "Nobody went away.");

    public void Open() => _open.TrySetResult();

    public async ValueTask DisposeAsync()
    {
        Open();
        await _app.DisposeAsync();
        _arrivals.Dispose();
        _departures.Dispose();
    }
}
