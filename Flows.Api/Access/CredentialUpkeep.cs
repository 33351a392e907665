using Flows.Api.Audit;
using Flows.Api.Users;

namespace Flows.Api.Access;

/// <summary>Once a minute, and once more when the process stops: when keys and sessions were last used. Drops what has run out, of the audit log too.</summary>
internal sealed partial class CredentialUpkeep(
    ApiKeyCache keys, SessionCache sessions, SignInGuard guard, SessionCleaner cleaner, AuditCleaner audit, TimeProvider clock, ILogger<CredentialUpkeep> logger) : BackgroundService
{
    private static readonly TimeSpan s_period = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_period, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            await TryAsync(FlushAsync, stoppingToken);
            await TryAsync(guard.ForgetAsync, stoppingToken);
            await TryAsync(cleaner.CleanAsync, stoppingToken);
            await TryAsync(audit.CleanAsync, stoppingToken);
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(1));
        await TryAsync(FlushAsync, limit.Token);
    }

    private async Task FlushAsync(CancellationToken cancel)
    {
        await keys.FlushAsync(cancel);
        await sessions.FlushAsync(cancel);
    }

    private async Task TryAsync(Func<CancellationToken, Task> work, CancellationToken cancel)
    {
        try
        {
            await work(cancel);
        }
        catch (Exception error) when (error is OperationCanceledException or Npgsql.NpgsqlException)
        {
            LogNotWritten(error.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "The rows of API keys and sessions are not up to date yet: {Reason}")]
    private partial void LogNotWritten(string reason);
}
