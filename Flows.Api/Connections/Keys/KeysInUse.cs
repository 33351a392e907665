using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Flows.Api.Connections.Keys;

/// <summary>Tells of secrets that were sealed with a key that this installation does not have. Asked at most once a minute.</summary>
internal sealed class KeysInUse(SealedRows rows, SecretEnvelope envelope, TimeProvider clock) : IHealthCheck
{
    private static readonly TimeSpan s_believed = TimeSpan.FromMinutes(1);
    private volatile Look? _last;

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (_last is not { } look || clock.GetUtcNow() - look.At > s_believed)
        {
            try
            {
                _last = look = new Look(clock.GetUtcNow(), Missing(await rows.CountAsync(cancellationToken), envelope));
            }
            catch (Exception error) when (Database.IsUnavailable(error) || error is Npgsql.PostgresException { SqlState: Npgsql.PostgresErrorCodes.UndefinedTable })
            {
                return HealthCheckResult.Healthy(); // the database has a check of its own
            }
        }
        // Flows without connections, and those with readable ones, go on.
        return look.Missing is null ? HealthCheckResult.Healthy() : HealthCheckResult.Degraded(look.Missing);
    }

    /// <summary>What cannot be opened, and what to do; null when there is nothing.</summary>
    public static string? Missing(IReadOnlyList<(string KeyId, string Table, long Rows)> counts, SecretEnvelope envelope)
    {
        var unknown = counts.Where(count => !envelope.KeyIds.Contains(count.KeyId)).ToList();
        return unknown.Count == 0 ? null
            : $"{unknown.Sum(count => count.Rows)} sealed values need a key that is not set ({string.Join(", ", unknown.Select(count => count.KeyId).Distinct().Take(3))}): "
                + "set it as Flows__Security__EncryptionKey, or in Flows__Security__PreviousEncryptionKeys.";
    }

    private sealed record Look(DateTimeOffset At, string? Missing);
}
