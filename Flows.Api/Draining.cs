using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Flows.Api;

/// <summary>How this process leaves when it is told to stop.</summary>
public sealed class DrainOptions
{
    public const string Section = "Flows:Drain";

    /// <summary>
    /// How long the process goes on taking connections after it was told to stop, with <c>/ready</c> answering 503 already, so that a load balancer
    /// can look elsewhere before a connection is refused. 5 s by default for the API alone outside Development, else 0. It is a part of the 30 s
    /// that a stop may take.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:00:20")]
    public TimeSpan? Notice { get; set; }
}

/// <summary>
/// The order of a stop: <c>/ready</c> says 503 at once, and every answer from then on asks its caller to close the connection; connections are
/// taken until the notice is over; then the web server takes no more and lets requests in flight end; callers that wait for a run are told
/// where to look in time (<see cref="Runs.RunWaiters"/>); what is still to be written is written last.
/// </summary>
internal static class Draining
{
    private static readonly TimeSpan s_notice = TimeSpan.FromSeconds(5);

    public static IHostApplicationBuilder AddDraining(this IHostApplicationBuilder builder)
    {
        var hasABalancer = !builder.Environment.IsDevelopment() && builder.Configuration.ReadContainerType() == ContainerType.App;
        builder.Services.AddOptions<DrainOptions>().BindConfiguration(DrainOptions.Section).ValidateDataAnnotations().ValidateOnStart()
            .PostConfigure(drain => drain.Notice ??= hasABalancer ? s_notice : TimeSpan.Zero);
        builder.Services.AddHostedService<Notice>();
        return builder;
    }

    /// <summary>A connection that is kept would carry its next request into the moment in which it is closed. HTTP/2 has a frame of its own for that.</summary>
    public static WebApplication UseDraining(this WebApplication app)
    {
        var stopping = app.Lifetime.ApplicationStopping;
        app.Use((http, next) =>
        {
            if (HttpProtocol.IsHttp11(http.Request.Protocol))
            {
                // When the answer starts, not now: a caller that waits for a run may outlast the order to stop.
                http.Response.OnStarting(() =>
                {
                    if (stopping.IsCancellationRequested)
                        http.Response.Headers.Connection = "close";
                    return Task.CompletedTask;
                });
            }
            return next(http);
        });
        return app;
    }

    /// <summary>Before any part of the process is stopped, the web server included.</summary>
    private sealed class Notice(IOptions<DrainOptions> options, TimeProvider clock) : IHostedLifecycleService
    {
        public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public async Task StoppingAsync(CancellationToken cancellationToken) =>
            await Task.Delay(options.Value.Notice!.Value, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
