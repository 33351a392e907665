using System.Collections;

namespace Flows.Engine.Expressions;

/// <summary>An immutable list of values.</summary>
public sealed class ValueList : IReadOnlyList<Value>, IEquatable<ValueList>
{
    private readonly Value[] _items;

    /// <summary>Takes the array: the caller must not change it afterwards.</summary>
    internal ValueList(Value[] items)
    {
        _items = items;
        var (depth, weight) = (0, 1L);
        foreach (ref readonly var item in items.AsSpan())
        {
            depth = Math.Max(depth, item.Depth);
            weight += item.Weight;
        }
        // Nested sharing can double the weight at every level: past the limits of any evaluation the exact figure says nothing more.
        (Depth, Weight) = (depth + 1, Math.Min(weight, long.MaxValue / 4_000_000));
    }

    public static Value Empty { get; } = Value.Of(new ValueList([]));

    public static Value Of(IEnumerable<Value> items) => Value.Of(new ValueList(items.ToArray()));

    public int Depth { get; }
    public long Weight { get; }
    public int Count => _items.Length;
    public Value this[int index] => _items[index];
    internal ReadOnlySpan<Value> Span => _items;

    public IEnumerator<Value> GetEnumerator() => ((IEnumerable<Value>)_items).GetEnumerator();
    IEnumerator IEnumerable.GetEnumerator() => _items.GetEnumerator();

    public bool Equals(ValueList? other) =>
        ReferenceEquals(this, other) || (other is not null && Weight == other.Weight && Span.SequenceEqual(other.Span));

    public override bool Equals(object? obj) => Equals(obj as ValueList);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (ref readonly var item in Span)
            hash.Add(item.GetHashCode());
        return hash.ToHashCode();
    }
}
