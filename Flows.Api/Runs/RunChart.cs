using Flows.Contracts.Runs;

namespace Flows.Api.Runs;

/// <summary>Runs counted by status over time.</summary>
/// <param name="BucketSeconds">How long each part of the time is.</param>
/// <param name="Buckets">Oldest first; a part in which no run was accepted is left out.</param>
/// <param name="Counted">Runs that were counted.</param>
/// <param name="IsCut">There are more than were counted: those at the beginning of the time are missing.</param>
public sealed record RunChart(DateTimeOffset From, DateTimeOffset To, double BucketSeconds, IReadOnlyList<RunBucket> Buckets, long Counted, bool IsCut)
{
    public const int UsualBuckets = 48;
    public const int MostBuckets = 200;
    public const int MostRuns = 50_000;
    public static readonly TimeSpan Usual = TimeSpan.FromDays(1);
    public static readonly TimeSpan Longest = TimeSpan.FromDays(31);

    internal static async Task<RunChart> CountAsync(
        ListDatabase lists, RunFilter filter, DateTimeOffset from, DateTimeOffset to, int buckets, CancellationToken cancel)
    {
        var width = (to - from) / buckets;
        await using var connection = await lists.OpenAsync(cancel);
        await using var command = RunReader.NewestCommand(connection, "r.created_at, r.status, r.id", filter);
        // The numbers are ours, so they may stand in the text: the filter's parameters come first, and how many they are differs.
        command.CommandText = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"""
            SELECT least(greatest(floor((extract(epoch FROM c.created_at) - {from.ToUnixTimeMilliseconds() / 1000.0:F3}) / {width.TotalSeconds:F6})::int, 0), {buckets - 1}) AS bucket,
                c.status, count(*) FROM ({command.CommandText}) c GROUP BY 1, 2 ORDER BY 1, 2
            """);
        var counted = new SortedDictionary<int, Dictionary<string, long>>();
        var all = 0L;
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            var (bucket, status, count) = (row.GetInt32(0), (RunStatus)row.GetInt16(1), row.GetInt64(2));
            if (!counted.TryGetValue(bucket, out var counts))
                counted[bucket] = counts = [];
            counts[status.ToString()] = count;
            all += count;
        }
        return new RunChart(from, to, width.TotalSeconds, [.. counted.Select(bucket => new RunBucket(from + (width * bucket.Key), bucket.Value))], all, all > filter.Limit);
    }
}

/// <param name="At">Where this part of the time begins.</param>
/// <param name="Counts">Runs by status; a status that none has is left out.</param>
public sealed record RunBucket(DateTimeOffset At, IReadOnlyDictionary<string, long> Counts);
