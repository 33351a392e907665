using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Flows.Api.Users;

/// <summary>
/// Counts wrong passwords by e-mail address and by network address, for all replicas, and locks what has too many: longer each time, with
/// an end. E-mail addresses without an account are counted as those with one, so that nobody learns which exist.
/// </summary>
internal sealed class SignInGuard(NpgsqlDataSource source, IOptions<SignInOptions> options, TimeProvider clock)
{
    private static readonly TimeSpan s_firstLock = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_longestForAccount = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan s_longestForAddress = TimeSpan.FromHours(1);
    /// <summary>Failures older than this are forgotten.</summary>
    private static readonly TimeSpan s_memory = TimeSpan.FromHours(24);

    /// <returns>How long there is no use in trying; null when it may be tried.</returns>
    public async Task<TimeSpan?> LockedForAsync(string email, IPAddress? address, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using var command = source.CreateCommand("SELECT max(locked_until) FROM sign_in_failures WHERE subject = ANY($1) AND locked_until > $2");
        command.Parameters.Add(new NpgsqlParameter<byte[][]> { TypedValue = [OfEmail(email), OfAddress(address)] });
        command.Parameters.Add(new NpgsqlParameter<DateTimeOffset> { TypedValue = now });
        return await command.ExecuteScalarAsync(cancel) is DateTime until ? until - now.UtcDateTime : null;
    }

    public async Task FailedAsync(string email, IPAddress? address, CancellationToken cancel)
    {
        await CountAsync(OfEmail(email), options.Value.FailuresPerAccount, s_longestForAccount, cancel);
        await CountAsync(OfAddress(address), options.Value.FailuresPerAddress, s_longestForAddress, cancel);
    }

    /// <summary>The account is forgiven; the network address is not, or one good account would let somebody guess at all others.</summary>
    public async Task SucceededAsync(string email, CancellationToken cancel)
    {
        await using var command = source.CreateCommand("DELETE FROM sign_in_failures WHERE subject = $1");
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = OfEmail(email) });
        await command.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>Drops what is forgotten, so that made-up addresses do not fill the table.</summary>
    public async Task ForgetAsync(CancellationToken cancel)
    {
        await using var command = source.CreateCommand("DELETE FROM sign_in_failures WHERE last_at < $1");
        command.Parameters.Add(new NpgsqlParameter<DateTimeOffset> { TypedValue = clock.GetUtcNow() - s_memory });
        await command.ExecuteNonQueryAsync(cancel);
    }

    // One statement: of several failures at once none is lost. From the limit on each one locks, twice as long as the one before.
    private async Task CountAsync(byte[] subject, int limit, TimeSpan longest, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using var command = source.CreateCommand("""
            INSERT INTO sign_in_failures AS f (subject, failures, last_at, locked_until) VALUES ($1, 1, $2, CASE WHEN $3 <= 1 THEN $2 + $4 END)
            ON CONFLICT (subject) DO UPDATE SET
                failures = CASE WHEN f.last_at < $6 THEN 1 ELSE f.failures + 1 END,
                last_at = $2,
                locked_until = CASE WHEN f.last_at >= $6 AND f.failures + 1 >= $3
                    THEN $2 + least($4 * power(2, least(f.failures + 1 - $3, 20)), $5) END
            """);
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = subject });
        command.Parameters.Add(new NpgsqlParameter<DateTimeOffset> { TypedValue = now });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = limit });
        command.Parameters.Add(new NpgsqlParameter<TimeSpan> { TypedValue = s_firstLock });
        command.Parameters.Add(new NpgsqlParameter<TimeSpan> { TypedValue = longest });
        command.Parameters.Add(new NpgsqlParameter<DateTimeOffset> { TypedValue = now - s_memory });
        await command.ExecuteNonQueryAsync(cancel);
    }

    private static byte[] OfEmail(string email) => SHA256.HashData(Encoding.UTF8.GetBytes($"email {email.Trim().ToLowerInvariant()}"));

    // An IPv6 customer has a /64 at least: single addresses of it are no obstacle.
    private static byte[] OfAddress(IPAddress? address)
    {
        if (address is { IsIPv4MappedToIPv6: true })
            address = address.MapToIPv4();
        var bytes = address?.GetAddressBytes() ?? [];
        return SHA256.HashData([.. "address "u8, .. bytes.Length == 16 ? bytes[..8] : bytes]);
    }
}
