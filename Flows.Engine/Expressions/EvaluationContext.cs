using System.Security.Cryptography;
using System.Text;
using Flows.Contracts.Runs;

namespace Flows.Engine.Expressions;

/// <summary>
/// What expressions may know beside their names: the time, chance, and how much they may use. One for each try of a step; not for
/// concurrent use. The same seed gives the same random numbers and ids in the same order, so a replayed step computes the same input.
/// </summary>
/// <param name="seed">The run's id and the step's path: never the same for two steps.</param>
public sealed class EvaluationContext(TimeProvider clock, string seed, ExpressionLimits? limits = null)
{
    private const int StepsBetweenLooksAtTheClock = 2048;
    private const long WorkBetweenLooksAtTheClock = 100_000;

    private DateTimeOffset? _now;
    private RandomBytes? _random;
    private long _started;
    private long _steps;
    private long _nextLook;
    private long _size;
    private long _work;

    /// <summary>Makes the link to a waiting step: purpose, step and approver → address. Null where there is no run to resume.</summary>
    public Func<LinkPurpose, string, string?, LinkAnswer>? Links { get; init; }

    public ExpressionLimits Limits { get; } = limits ?? ExpressionLimits.Default;

    /// <summary>The time in UTC, read once: every <c>now()</c> of one step is the same moment.</summary>
    public DateTimeOffset Now => _now ??= clock.GetUtcNow();

    internal RandomBytes Random => _random ??= new RandomBytes(seed);

    /// <summary>Begins an evaluation: everything is unused again.</summary>
    internal void Begin() => (_started, _steps, _nextLook, _size, _work) = (clock.GetTimestamp(), 0, StepsBetweenLooksAtTheClock, 0, 0);

    internal void Step(long count = 1)
    {
        _steps += count;
        if (_steps >= _nextLook)
            Look();
    }

    /// <summary>
    /// Says that values of this weight are about to be gone through. It is no step, because most of what is handed on is not looked at; but a
    /// step that goes through much of it takes long, and the clock is looked at before the next one.
    /// </summary>
    internal void Work(long weight)
    {
        _work += weight;
        if (_work < WorkBetweenLooksAtTheClock)
            return;
        _work = 0;
        Look();
    }

    private void Look()
    {
        _nextLook = _steps + StepsBetweenLooksAtTheClock;
        if (_steps > Limits.Steps)
            throw Broken($"the expression takes more than {Limits.Steps} steps (limit: steps)");
        if (clock.GetElapsedTime(_started) > Limits.Time)
            throw Broken($"the expression takes longer than {Limits.Time.TotalSeconds:0.###} seconds (limit: time)");
    }

    /// <summary>Counts a text about to be made.</summary>
    internal void Text(long length)
    {
        if (length > Limits.TextLength)
            throw Broken($"the text would have {length} characters; {Limits.TextLength} are allowed (limit: text length)");
        Size(length);
    }

    /// <summary>Counts a list or object about to be made, before its memory is taken.</summary>
    internal void Items(long count)
    {
        Room(count);
        Size(count);
    }

    /// <summary>Checks a list that is growing; it is counted when it is done.</summary>
    internal void Room(long count)
    {
        if (count > Limits.ListItems)
            throw Broken($"the list would have {count} items; {Limits.ListItems} are allowed (limit: list size)");
    }

    internal Value Checked(Value value)
    {
        if (value.Depth > Limits.Depth)
            throw Broken($"the result is nested {value.Depth} levels deep; {Limits.Depth} are allowed (limit: depth)");
        if (value.Weight > Limits.Size)
            throw Broken($"the result is larger than {Limits.Size} values and characters (limit: size)");
        return value;
    }

    private void Size(long size)
    {
        _size += size;
        if (_size > Limits.Size)
            throw Broken($"the expression makes more than {Limits.Size} values and characters (limit: size)");
        Step(1 + size / 256);
    }

    internal static ExpressionException Broken(string reason) => new(reason) { IsLimit = true };
}

/// <summary>Bytes that look random and follow from a seed: SHA-256 of seed and counter.</summary>
internal sealed class RandomBytes(string seed)
{
    private readonly byte[] _input = [.. SHA256.HashData(Encoding.UTF8.GetBytes(seed)), 0, 0, 0, 0, 0, 0, 0, 0];
    private readonly byte[] _block = new byte[32];
    private long _counter;
    private int _used = 32;

    public void Fill(Span<byte> bytes)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            if (_used == _block.Length)
            {
                BitConverter.TryWriteBytes(_input.AsSpan(32), _counter++);
                SHA256.HashData(_input, _block);
                _used = 0;
            }
            bytes[i] = _block[_used++];
        }
    }

    /// <summary>From 0 to below 1, 53 bits.</summary>
    public double Fraction()
    {
        Span<byte> bytes = stackalloc byte[8];
        Fill(bytes);
        return (BitConverter.ToUInt64(bytes) >> 11) * (1.0 / (1UL << 53));
    }
}
