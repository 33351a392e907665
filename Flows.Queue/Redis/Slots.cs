namespace Flows.Queue.Redis;

/// <summary>
/// How many handlers may still be started. The pumps of all shards take from it: whoever found none waits in line, and what becomes free goes to
/// the head of the line, so that a flooded shard leaves the others their turns.
/// </summary>
internal sealed class Slots(int count)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<ShardPump> _line = [];
    private int _free = count;

    /// <summary>Takes up to <paramref name="most"/>, and leaves their share to those who wait.</summary>
    /// <returns>0: none is free for this pump. It stands in line now and is signalled when it should ask again.</returns>
    internal int Take(ShardPump pump, int most)
    {
        ShardPump? next = null;
        int taken;
        lock (_lock)
        {
            if (_free == 0 || (_line.First is { } head && head.Value != pump))
            {
                if (!_line.Contains(pump))
                    _line.AddLast(pump);
                return 0;
            }
            _line.Remove(pump);
            taken = Math.Min(most, (_free + _line.Count) / (_line.Count + 1)); // rounded up
            _free -= taken;
            if (_free > 0)
                next = _line.First?.Value;
        }
        next?.Signal();
        return taken;
    }

    internal void Return(int number)
    {
        ShardPump? next;
        lock (_lock)
        {
            _free += number;
            next = _free > 0 ? _line.First?.Value : null;
        }
        next?.Signal();
    }

    /// <summary>The pump cannot take anything now: its shard is away, or it stops. Nobody waits behind it.</summary>
    internal void LeaveLine(ShardPump pump)
    {
        lock (_lock)
            _line.Remove(pump);
        Return(0);
    }
}
