namespace Flows.Bench.Simulation;

/// <summary>SplitMix64: the whole future of an interleaving from one number, and quick.</summary>
internal struct Dice(ulong seed)
{
    private ulong _state = seed;

    public int Next(int below)
    {
        var z = _state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return (int)(((z ^ (z >> 31)) >> 33) % (uint)below);
    }
}
