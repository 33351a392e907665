namespace Flows.Queue.Redis;

/// <summary>
/// How many handlers may still be started. The pumps of all shards take from it: whoever found none waits in line, and what becomes free goes to
/// the head of the line, so that a flooded shard leaves the others their turns.
/// </summary>
internal sealed class Slots(int count)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<Action> _line = [];
    private int _free = count;

    /// <summary>Takes up to <paramref name="most"/>, and leaves their share to those who wait.</summary>
    /// <param name="again">Who asks; called when it should ask again after it got none.</param>
    /// <returns>0: none is free for this pump, and it stands in line now.</returns>
    internal int Take(Action again, int most)
    {
        Action? next = null;
        int taken;
        lock (_lock)
        {
            if (_free == 0 || (_line.First is { } head && head.Value != again))
            {
                if (!_line.Contains(again))
                    _line.AddLast(again);
                return 0;
            }
            _line.Remove(again);
            taken = Math.Min(most, (_free + _line.Count) / (_line.Count + 1)); // rounded up
            _free -= taken;
            if (_free > 0)
                next = _line.First?.Value;
        }
        next?.Invoke();
        return taken;
    }

    internal void Return(int number)
    {
        Action? next;
        lock (_lock)
        {
            _free += number;
            next = _free > 0 ? _line.First?.Value : null;
        }
        next?.Invoke();
    }

    /// <summary>The pump cannot take anything now: its shard is away, or it stops. Nobody waits behind it.</summary>
    internal void LeaveLine(Action again)
    {
        lock (_lock)
            _line.Remove(again);
        Return(0);
    }
}
