using Flows.Queue.Redis;
using Microsoft.Extensions.DependencyInjection;

namespace Flows.Tests.Queue;

/// <summary>The calls of a consumer one by one, without a pump.</summary>
internal static class ShardTurns
{
    private static int s_places;

    /// <summary>A turn of a consumer that does all it can beside, and never uses a place twice.</summary>
    public static Task<Turn> TurnAsync(
        this QueueShard shard, string consumer, IReadOnlyCollection<Delivery> settled, int wanted, bool releaseExpired, CancellationToken cancel)
    {
        int[] places = [.. Enumerable.Range(0, wanted).Select(_ => Interlocked.Increment(ref s_places))];
        return shard.TurnAsync(consumer, settled, places, releaseExpired ? TurnAlso.All : TurnAlso.ExtendLease | TurnAlso.MoveDue, cancel);
    }

    /// <summary>The first shard, which is the only one unless more were asked for.</summary>
    public static QueueShard Shard(this IServiceProvider services) => services.GetRequiredService<QueueShards>().All[0];
}
