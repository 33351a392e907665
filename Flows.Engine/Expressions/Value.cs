using System.Globalization;

namespace Flows.Engine.Expressions;

/// <summary>What a value is. The names are those that messages and <c>type(x)</c> use, in lower case.</summary>
public enum ValueKind : byte { Null, Boolean, Number, Text, List, Object }

/// <summary>
/// One value of the expression language: a JSON value, immutable. A whole number that fits 64 bits is kept exactly, any other
/// number as a double; the two never overlap, so equal numbers are always stored alike. Never NaN or infinite.
/// </summary>
public readonly partial struct Value : IEquatable<Value>
{
    private enum Store : byte { Null, Boolean, Integer, Double, Text, List, Object, Skipped }

    private readonly Store _store;
    private readonly long _bits;
    private readonly object? _reference;

    private Value(Store store, long bits, object? reference) => (_store, _bits, _reference) = (store, bits, reference);

    /// <summary>Also what <c>default</c> is.</summary>
    public static Value Null => default;
    public static Value True { get; } = new(Store.Boolean, 1, null);
    public static Value False { get; } = new(Store.Boolean, 0, null);
    public static Value EmptyText { get; } = new(Store.Text, 0, "");

    /// <summary>Inside the evaluator only: a <c>?.</c> found null, and the rest of its chain is left out.</summary>
    internal static Value Skipped { get; } = new(Store.Skipped, 0, null);
    internal bool IsSkipped => _store == Store.Skipped;

    public static Value Of(bool value) => value ? True : False;
    public static Value Of(long value) => new(Store.Integer, value, null);
    public static Value Of(string? value) => value is null ? Null : new Value(Store.Text, 0, value);
    public static Value Of(ValueList list) => new(Store.List, 0, list);
    public static Value Of(ValueObject value) => new(Store.Object, 0, value);

    /// <summary>A whole number in the range of Int64 becomes that integer.</summary>
    /// <exception cref="ExpressionException">NaN or infinite.</exception>
    public static Value Of(double value)
    {
        // The casts are exact: the range is tested first, and a double without fraction is some integer.
        if (value is >= -9223372036854775808d and < 9223372036854775808d && (long)value == value)
            return Of((long)value);
        return double.IsFinite(value)
            ? new Value(Store.Double, BitConverter.DoubleToInt64Bits(value), null)
            : throw new ExpressionException(double.IsNaN(value) ? "the result is not a number" : "the result is larger than a number can be");
    }

    public ValueKind Kind => _store switch
    {
        Store.Boolean => ValueKind.Boolean,
        Store.Integer or Store.Double => ValueKind.Number,
        Store.Text => ValueKind.Text,
        Store.List => ValueKind.List,
        Store.Object => ValueKind.Object,
        _ => ValueKind.Null,
    };

    public bool IsNull => _store == Store.Null;
    public bool IsText => _store == Store.Text;
    public bool IsNumber => _store is Store.Integer or Store.Double;
    public bool IsInteger => _store == Store.Integer;

    /// <exception cref="InvalidOperationException">It is of another kind; so for all accessors.</exception>
    public bool AsBoolean => _store == Store.Boolean ? _bits != 0 : throw NotA("boolean");
    public string AsText => _store == Store.Text ? (string)_reference! : throw NotA("text");
    public ValueList AsList => _store == Store.List ? (ValueList)_reference! : throw NotA("list");
    public ValueObject AsObject => _store == Store.Object ? (ValueObject)_reference! : throw NotA("object");
    /// <summary>Any number; an integer past 2^53 is rounded.</summary>
    public double AsDouble => _store switch
    {
        Store.Integer => _bits,
        Store.Double => BitConverter.Int64BitsToDouble(_bits),
        _ => throw NotA("number"),
    };

    /// <summary>True for a whole number of at most 64 bits.</summary>
    public bool TryGetInteger(out long integer)
    {
        integer = _bits;
        return _store == Store.Integer;
    }

    public bool TryGetText(out string text)
    {
        text = _store == Store.Text ? (string)_reference! : "";
        return _store == Store.Text;
    }

    /// <summary>Levels of nesting: 0 for anything but a list or an object, 1 for an empty list.</summary>
    public int Depth => _reference switch { ValueList list => list.Depth, ValueObject value => value.Depth, _ => 0 };

    /// <summary>A measure of size, shared parts counted as often as they are seen: one for each value and one for each character of text.</summary>
    public long Weight => _reference switch { string text => 1 + text.Length, ValueList list => list.Weight, ValueObject value => value.Weight, _ => 1 };

    /// <summary>What <c>!</c>, <c>&amp;&amp;</c>, <c>||</c> and <c>? :</c> take it for: null, false, 0 and '' are false, all else is true.</summary>
    public bool IsTruthy => _store switch
    {
        Store.Null or Store.Skipped => false,
        Store.Boolean or Store.Integer => _bits != 0,
        Store.Text => ((string)_reference!).Length > 0,
        _ => true,
    };

    /// <summary>By content, at any depth; values of different kinds are never equal. The order of an object's properties does not count.</summary>
    public bool Equals(Value other)
    {
        if (_store != other._store)
            return false;
        return _store switch
        {
            Store.Text => string.Equals((string)_reference!, (string)other._reference!, StringComparison.Ordinal),
            Store.List => ((ValueList)_reference!).Equals((ValueList)other._reference!),
            Store.Object => ((ValueObject)_reference!).Equals((ValueObject)other._reference!),
            _ => _bits == other._bits,
        };
    }

    public override bool Equals(object? obj) => obj is Value other && Equals(other);

    public override int GetHashCode() => _store switch
    {
        Store.Text => string.GetHashCode((string)_reference!, StringComparison.Ordinal),
        Store.List or Store.Object => _reference!.GetHashCode(),
        _ => HashCode.Combine(_store, _bits),
    };

    public static bool operator ==(Value left, Value right) => left.Equals(right);
    public static bool operator !=(Value left, Value right) => !left.Equals(right);

    /// <summary>As it appears inside text: a text as it is, anything else as JSON.</summary>
    public override string ToString() => _store switch
    {
        Store.Text => (string)_reference!,
        Store.Integer => _bits.ToString(CultureInfo.InvariantCulture),
        Store.Double => NumberText.Of(BitConverter.Int64BitsToDouble(_bits)),
        Store.Boolean => _bits != 0 ? "true" : "false",
        Store.Null or Store.Skipped => "null",
        _ => ToRawJson().ToString(),
    };

    private InvalidOperationException NotA(string kind) => new($"The value is {Shown.Kind(this)}, and not a {kind}.");
}
