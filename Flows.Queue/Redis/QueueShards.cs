using System.Buffers.Binary;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Flows.Queue.Redis;

/// <summary>
/// All shards of the queue. A project lives in one of them, so what is promised inside a project (order, limit) does not depend on their number.
/// Every process must be told the same number.
/// </summary>
internal sealed class QueueShards : IDisposable
{
    internal QueueShards(IServiceProvider services, RedisQueueOptions options, TimeProvider clock)
    {
        var scripts = new RedisScripts(services, options.CommandTimeout);
        All = [.. Enumerable.Range(0, options.Shards).Select(number => new QueueShard(scripts, options, number))];
        Rates = new QueueRates(All[0], clock);
    }

    internal IReadOnlyList<QueueShard> All { get; }

    /// <summary>Counts for all shards.</summary>
    internal QueueRates Rates { get; }

    internal QueueShard Of(Guid projectId) => All[NumberOf(projectId, All.Count)];

    /// <summary>The shard of a project: its identifier's two halves, as big-endian numbers, exclusive-or, modulo the number of shards.
    /// Jobs that are in Redis were placed by it, so it never changes.</summary>
    internal static int NumberOf(Guid projectId, int shards)
    {
        Span<byte> bytes = stackalloc byte[16];
        projectId.TryWriteBytes(bytes, bigEndian: true, out _);
        return (int)((BinaryPrimitives.ReadUInt64BigEndian(bytes) ^ BinaryPrimitives.ReadUInt64BigEndian(bytes[8..])) % (ulong)shards);
    }

    internal static QueueShards From(IServiceProvider services) =>
        new(services, services.GetRequiredService<IOptions<RedisQueueOptions>>().Value, services.GetRequiredService<TimeProvider>());

    public void Dispose() => Rates.Dispose();
}
