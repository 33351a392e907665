using Flows.Api.Projects;
using Flows.Api.Users;
using Npgsql;

namespace Flows.Api.Migrations;

/// <summary>
/// Gets the database ready, and keeps trying while Postgres is away. Registered before everything that uses tables. It holds up the
/// start for a few seconds at most: after that the process listens, answers 503, and says in /health what it is waiting for.
/// </summary>
internal sealed partial class SchemaStart(
    SchemaUpgrade upgrade, DefaultProject project, IServiceScopeFactory scopes, SchemaState state, IHostApplicationLifetime lifetime, TimeProvider clock, ILogger<SchemaStart> logger)
    : BackgroundService
{
    private static readonly TimeSpan s_holdUp = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_firstDelay = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_longestDelay = TimeSpan.FromSeconds(5);
    private readonly TaskCompletionSource _firstTry = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await base.StartAsync(cancellationToken);
        await Task.WhenAny(_firstTry.Task, Task.Delay(s_holdUp, clock, cancellationToken));
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var delay = s_firstDelay;
        while (!await TryAsync(stoppingToken))
        {
            _firstTry.TrySetResult();
            await Task.Delay(delay, clock, stoppingToken);
            delay = delay * 2 < s_longestDelay ? delay * 2 : s_longestDelay;
        }
        _firstTry.TrySetResult();
    }

    /// <returns>False: worth another try.</returns>
    private async Task<bool> TryAsync(CancellationToken cancel)
    {
        try
        {
            await upgrade.ApplyAsync(Migration.All, cancel);
            await project.EnsureAsync(cancel);
            await using (var scope = scopes.CreateAsyncScope())
                await scope.ServiceProvider.GetRequiredService<OwnerSetup>().OpenAsync(cancel);
            state.SetReady();
            LogReady(Migration.All[^1].Name);
            return true;
        }
        catch (SchemaRefusedException error)
        {
            // The host is still starting. Stopping it now would make its start throw; it stops as soon as it stands, and Program
            // turns the refusal into the exit code.
            state.SetRefused(error.Message);
            LogRefused(error.Message);
            lifetime.ApplicationStarted.Register(lifetime.StopApplication);
            return true;
        }
        catch (Exception error) when (error is NpgsqlException || Database.IsUnavailable(error))
        {
            var reason = $"The database cannot be used: {error.GetBaseException().Message}";
            state.SetWaiting(reason);
            LogWaiting(reason);
            return false;
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The database is ready, at migration {Name}.")]
    private partial void LogReady(string name);
    [LoggerMessage(Level = LogLevel.Warning, Message = "{Reason}")]
    private partial void LogWaiting(string reason);
    [LoggerMessage(Level = LogLevel.Critical, Message = "Flows refuses to start: {Reason}")]
    private partial void LogRefused(string reason);
}
