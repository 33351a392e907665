namespace Flows.Engine.Expressions;

/// <summary>An immutable object: properties in the order they were first set. Small ones are searched in line, large ones through an index.</summary>
public sealed class ValueObject : IEquatable<ValueObject>
{
    private const int SearchedInLine = 8;

    private readonly string[] _keys;
    private readonly Value[] _values;
    private readonly Dictionary<string, int>? _index;

    private ValueObject(string[] keys, Value[] values, Dictionary<string, int>? index)
    {
        (_keys, _values, _index) = (keys, values, index);
        var (depth, weight) = (0, 1L);
        for (var i = 0; i < keys.Length; i++)
        {
            depth = Math.Max(depth, values[i].Depth);
            weight += keys[i].Length + values[i].Weight;
        }
        (Depth, Weight) = (depth + 1, Math.Min(weight, long.MaxValue / 4_000_000));
    }

    public static ValueObject Empty { get; } = new([], [], null);

    public static Value Of(params IEnumerable<KeyValuePair<string, Value>> properties)
    {
        var builder = new Builder();
        foreach (var (key, value) in properties)
            builder.Set(key, value);
        return Value.Of(builder.ToObject());
    }

    public int Depth { get; }
    public long Weight { get; }
    public int Count => _keys.Length;
    public IReadOnlyList<string> Keys => _keys;
    public IReadOnlyList<Value> Values => _values;

    internal string KeyAt(int index) => _keys[index];
    internal Value ValueAt(int index) => _values[index];

    /// <summary>False, and null, when there is no such property.</summary>
    public bool TryGet(string key, out Value value)
    {
        if (_index is not null)
        {
            var found = _index.TryGetValue(key, out var at);
            value = found ? _values[at] : default;
            return found;
        }
        var keys = _keys;
        for (var i = 0; i < keys.Length; i++)
        {
            if (!string.Equals(keys[i], key))
                continue;
            value = _values[i];
            return true;
        }
        value = default;
        return false;
    }

    public IEnumerator<KeyValuePair<string, Value>> GetEnumerator()
    {
        for (var i = 0; i < _keys.Length; i++)
            yield return new(_keys[i], _values[i]);
    }

    public bool Equals(ValueObject? other)
    {
        if (ReferenceEquals(this, other))
            return true;
        if (other is null || Count != other.Count || Weight != other.Weight)
            return false;
        for (var i = 0; i < _keys.Length; i++)
        {
            if (!other.TryGet(_keys[i], out var value) || !value.Equals(_values[i]))
                return false;
        }
        return true;
    }

    public override bool Equals(object? obj) => Equals(obj as ValueObject);

    // Without regard to the order: equal objects may have been built in different ones.
    public override int GetHashCode()
    {
        var hash = _keys.Length;
        for (var i = 0; i < _keys.Length; i++)
            hash ^= HashCode.Combine(string.GetHashCode(_keys[i], StringComparison.Ordinal), _values[i].GetHashCode());
        return hash;
    }

    /// <summary>Collects properties; of a key set twice the last value counts, at the first one's place.</summary>
    public sealed class Builder
    {
        private string[] _keys = new string[4];
        private Value[] _values = new Value[4];
        private int _count;
        private Dictionary<string, int>? _index;

        public int Count => _count;

        public void Set(string key, Value value)
        {
            var at = Find(key);
            if (at >= 0)
            {
                _values[at] = value;
                return;
            }
            if (_count == _keys.Length)
            {
                Array.Resize(ref _keys, _count * 2);
                Array.Resize(ref _values, _count * 2);
            }
            (_keys[_count], _values[_count]) = (key, value);
            _index?.Add(key, _count);
            _count++;
            if (_count > SearchedInLine && _index is null)
            {
                _index = new Dictionary<string, int>(32, StringComparer.Ordinal);
                for (var i = 0; i < _count; i++)
                    _index.Add(_keys[i], i);
            }
        }

        public void SetAll(ValueObject from)
        {
            for (var i = 0; i < from.Count; i++)
                Set(from._keys[i], from._values[i]);
        }

        /// <summary>The object; the builder must not be used afterwards.</summary>
        public ValueObject ToObject()
        {
            if (_count == 0)
                return Empty;
            if (_count != _keys.Length)
            {
                Array.Resize(ref _keys, _count);
                Array.Resize(ref _values, _count);
            }
            return new ValueObject(_keys, _values, _index);
        }

        private int Find(string key)
        {
            if (_index is not null)
                return _index.TryGetValue(key, out var at) ? at : -1;
            return Array.IndexOf(_keys, key, 0, _count);
        }
    }
}
