using System.Collections.Concurrent;
using Flows.Contracts.Runs;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Connections.OAuth;

/// <summary>What came of a renewal. Exactly one of the two is set.</summary>
/// <param name="Problem">Why there is no other token, as the step that wanted it says.</param>
/// <param name="IsPassing">True when it may be there later.</param>
internal sealed record Renewal(OAuthTokens? Tokens, StepError? Problem = null, bool IsPassing = false);

/// <summary>
/// Renews access tokens, one renewal of a connection at a time over all replicas: services that give out a new refresh token with each use take two
/// uses of one for theft. Here callers share one renewal; other replicas wait for the row, and then find the new token in it.
/// </summary>
internal sealed partial class TokenKeeper(
    NpgsqlDataSource db, OAuthConnections connections, TokenEndpoint endpoint, TimeProvider clock, ILogger<TokenKeeper> log) : IDisposable
{
    /// <summary>A token that was refused this soon after it was made will not get better by making another.</summary>
    private static readonly TimeSpan s_justMade = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_firstPutOff = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_longestPutOff = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_room = TimeSpan.FromSeconds(10);
    /// <summary>Longer than the call that another replica makes meanwhile.</summary>
    private const string LockTimeout = "SET LOCAL lock_timeout = '12s'";

    private readonly ConcurrentDictionary<Guid, Lazy<Task<Renewal>>> _running = new();
    /// <summary>Renewals at once: each holds a connection to Postgres while a service answers.</summary>
    private readonly SemaphoreSlim _free = new(8);

    /// <summary>A token that is good for a while (<see cref="OAuthTokens.IsNearItsEnd"/>), and is not the one that was refused.</summary>
    /// <param name="refused"><see cref="TokenMark"/> of a token that the service did not take; null when it is only about to run out.</param>
    /// <param name="cancel">Ends the waiting. What was begun is brought to its end.</param>
    public Task<Renewal> RenewAsync(Guid connectionId, string? refused, CancellationToken cancel) => RenewAsync(connectionId, refused, isAhead: false, cancel);

    /// <summary>Renews one that is due and has a while left.</summary>
    public Task RenewAheadAsync(Guid connectionId, CancellationToken cancel) => RenewAsync(connectionId, refused: null, isAhead: true, cancel);

    private async Task<Renewal> RenewAsync(Guid connectionId, string? refused, bool isAhead, CancellationToken cancel)
    {
        while (true)
        {
            var mine = new Lazy<Task<Renewal>>(() => RenewAloneAsync(connectionId, refused, isAhead));
            var running = _running.GetOrAdd(connectionId, mine);
            var renewal = await running.Value.WaitAsync(cancel);
            // Somebody's renewal for a smaller reason may have left the token as it was.
            if (running == mine || refused is null || renewal.Tokens is not { } tokens || TokenMark.Of(tokens.AccessToken) != refused)
                return renewal;
        }
    }

    public void Dispose() => _free.Dispose();

    private async Task<Renewal> RenewAloneAsync(Guid id, string? refused, bool isAhead)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var isFree = false;
        try
        {
            isFree = await _free.WaitAsync(s_room, limit.Token);
            return !isFree ? Passing("too many tokens are being renewed at the same time.") : await RenewLockedAsync(id, refused, isAhead, limit.Token);
        }
        catch (SealBrokenException error)
        {
            return new Renewal(null, new StepError(OAuthConnection.NeedsSignInCode, $"the connection cannot be opened. {error.Message}"));
        }
        catch (PostgresException error) when (error.SqlState == PostgresErrorCodes.LockNotAvailable)
        {
            return Passing("another replica has been renewing the token for too long.");
        }
        catch (Exception error) when (error is OperationCanceledException || Database.IsUnavailable(error))
        {
            return Passing("the token could not be renewed in time.");
        }
        finally
        {
            if (isFree)
                _free.Release();
            // Before the task ends: who comes now begins another.
            _running.TryRemove(id, out _);
        }
    }

    private async Task<Renewal> RenewLockedAsync(Guid id, string? refused, bool isAhead, CancellationToken cancel)
    {
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await using (var wait = new NpgsqlCommand(LockTimeout, connection))
            await wait.ExecuteNonQueryAsync(cancel);
        if (await connections.FindAsync(connection, id, locked: true, cancel) is not { } found)
            return new Renewal(null, new StepError("input", "the connection was deleted."));

        var now = clock.GetUtcNow();
        if (found is { Status: ConnectionStatus.Ready, Tokens: { } present })
        {
            var isRefused = refused is not null && TokenMark.Of(present.AccessToken) == refused;
            if (!isRefused && !(isAhead ? present.IsDue(now) : present.IsNearItsEnd(now)))
                return new Renewal(present);
            if (isRefused && now - present.ObtainedAt < s_justMade)
                return new Renewal(null, new StepError("unauthorized", $"the service does not accept a token of the connection '{found.Key}' that it has just given out."));
        }
        if (found.Status == ConnectionStatus.NeedsSignIn)
            return NeedsSignIn(found);
        // The service was away a moment ago, for whoever asked.
        if (found.Failures > 0 && now < found.RenewAt)
            return Passing($"the token of the connection '{found.Key}' cannot be renewed now: {found.Problem}");
        if (found.Settings is not { } settings || (settings.NeedsPerson && found.Tokens?.RefreshToken is null))
        {
            found = found with { Problem = found.Settings is null ? found.Problem : "the token has run out, and the service gave nothing to renew it with." };
            await OAuthConnections.NeedsSignInAsync(connection, id, found.Problem!, cancel);
            await transaction.CommitAsync(cancel);
            return NeedsSignIn(found);
        }

        var answer = await endpoint.RenewAsync(settings, found.Tokens?.RefreshToken, cancel);
        // The answer is here: it is kept whoever waits for it. A crash on this line costs a sign-in where the service gives out each refresh
        // token once.
        if (answer.Tokens is { } tokens)
            await connections.KeepAsync(connection, found, tokens, CancellationToken.None);
        else if (answer.Refusal is { } refusal)
            await OAuthConnections.NeedsSignInAsync(connection, id, refusal, CancellationToken.None);
        else
            await OAuthConnections.PutOffAsync(connection, id, answer.Trouble!, now + PutOff(found.Failures), CancellationToken.None);
        await transaction.CommitAsync(CancellationToken.None);

        if (answer.Tokens is null)
            LogFailed(log, id, answer.Refusal ?? answer.Trouble!);
        return answer switch
        {
            { Tokens: { } fresh } => new Renewal(fresh),
            { Refusal: { } reason } => NeedsSignIn(found with { Problem = reason }),
            _ => Passing($"the token of the connection '{found.Key}' cannot be renewed now: {answer.Trouble}"),
        };
    }

    private static TimeSpan PutOff(int failures) =>
        TimeSpan.FromTicks(Math.Min(s_firstPutOff.Ticks << Math.Min(failures, 10), s_longestPutOff.Ticks));

    private static Renewal NeedsSignIn(OAuthConnection connection) => new(null, new StepError(OAuthConnection.NeedsSignInCode, connection.NeedsSignIn));

    public static Renewal Passing(string message) => new(null, new StepError(HostCalls.RenewalProblem, message), IsPassing: true);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The token of the connection {Connection} was not renewed: {Reason}")]
    private static partial void LogFailed(ILogger log, Guid connection, string reason);
}
