using Flows.ServiceDefaults;
using Npgsql;

namespace Flows.Api.Runs;

/// <summary>
/// Where lists of runs are read from: <c>ConnectionStrings__flowsdb-read</c>, a replica of the database that may be some way behind, else the database
/// itself. A replica that cannot be reached is asked again after 10 s, and until then the database answers.
/// </summary>
internal sealed partial class ListDatabase : IAsyncDisposable
{
    public const string ConnectionName = "flowsdb-read";
    private static readonly TimeSpan s_askAgainAfter = TimeSpan.FromSeconds(10);
    private readonly NpgsqlDataSource _primary;
    private readonly NpgsqlDataSource? _replica;
    private readonly TimeProvider _clock;
    private readonly ILogger<ListDatabase> _logger;
    private long _awayUntil;

    /// <exception cref="StartRefusedException">The connection string of the replica cannot be read.</exception>
    public ListDatabase(NpgsqlDataSource primary, IConfiguration configuration, TimeProvider clock, ILogger<ListDatabase> logger)
    {
        (_primary, _clock, _logger) = (primary, clock, logger);
        if (configuration.GetConnectionString(ConnectionName) is not { Length: > 0 } replica)
            return;
        try
        {
            _replica = NpgsqlDataSource.Create(replica);
        }
        catch (ArgumentException error)
        {
            // Without the text, which holds a password.
            throw new StartRefusedException($"ConnectionStrings__{ConnectionName} cannot be read ({error.GetType().Name}).");
        }
    }

    public async ValueTask<NpgsqlConnection> OpenAsync(CancellationToken cancel)
    {
        if (_replica is not null && _clock.GetUtcNow().UtcTicks >= Volatile.Read(ref _awayUntil))
        {
            try
            {
                return await _replica.OpenConnectionAsync(cancel);
            }
            catch (NpgsqlException error) when (Database.IsUnavailable(error))
            {
                Volatile.Write(ref _awayUntil, (_clock.GetUtcNow() + s_askAgainAfter).UtcTicks);
                LogAway(error.SqlState);
            }
        }
        return await _primary.OpenConnectionAsync(cancel);
    }

    public ValueTask DisposeAsync() => _replica?.DisposeAsync() ?? ValueTask.CompletedTask;

    [LoggerMessage(Level = LogLevel.Warning, Message = "The replica for lists (ConnectionStrings__flowsdb-read) cannot be reached (SQLSTATE {State}); lists are read from the database itself for 10 s.")]
    private partial void LogAway(string? state);
}
