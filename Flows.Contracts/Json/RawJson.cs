using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Flows.Contracts.Json;

/// <summary>
/// One JSON value as UTF-8 bytes, passed through processes and into Postgres without being taken apart.
/// Payloads, inputs and outputs are such values: only the engine looks inside. The bytes are valid JSON when they came
/// from a reader; <see cref="FromUtf8"/> trusts its caller.
/// </summary>
[JsonConverter(typeof(RawJsonConverter))]
public readonly struct RawJson : IEquatable<RawJson>
{
    private static readonly byte[] s_null = "null"u8.ToArray();
    private readonly ReadOnlyMemory<byte> _utf8;

    private RawJson(ReadOnlyMemory<byte> utf8) => _utf8 = utf8;

    /// <summary>The JSON literal null; also what <c>default</c> stands for.</summary>
    public static RawJson Null => default;

    /// <summary>The bytes of the value, without insignificant white space around it.</summary>
    public ReadOnlyMemory<byte> Utf8 => _utf8.IsEmpty ? s_null : _utf8;

    /// <summary>Length in bytes of the UTF-8 text.</summary>
    public int Length => Utf8.Length;

    public bool IsNull => _utf8.IsEmpty || _utf8.Span.SequenceEqual("null"u8);

    /// <summary>Takes bytes that are known to be one JSON value. The caller must not change them afterwards.</summary>
    public static RawJson FromUtf8(ReadOnlyMemory<byte> utf8) => new(utf8);

    /// <summary>Copies the text of an element, so that its document may be disposed.</summary>
    public static RawJson From(JsonElement element) =>
        element.ValueKind == JsonValueKind.Undefined ? Null : new(JsonMarshal.GetRawUtf8Value(element).ToArray());

    /// <summary>Checks and takes JSON text.</summary>
    /// <exception cref="JsonException">The text is not one JSON value; the message has line and position.</exception>
    public static RawJson Parse(string json)
    {
        using var document = JsonDocument.Parse(json);
        return From(document.RootElement);
    }

    /// <summary>The value as a detached element.</summary>
    public JsonElement ToElement()
    {
        var reader = new Utf8JsonReader(Utf8.Span);
        return JsonElement.ParseValue(ref reader);
    }

    public bool Equals(RawJson other) => Utf8.Span.SequenceEqual(other.Utf8.Span);
    public override bool Equals(object? obj) => obj is RawJson other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Utf8.Span);
        return hash.ToHashCode();
    }

    public static bool operator ==(RawJson left, RawJson right) => left.Equals(right);
    public static bool operator !=(RawJson left, RawJson right) => !left.Equals(right);

    /// <summary>The JSON text. For messages and tests; hot paths use <see cref="Utf8"/>.</summary>
    public override string ToString() => Encoding.UTF8.GetString(Utf8.Span);
}

/// <summary>Reads any value as its bytes and writes the bytes back unchanged.</summary>
public sealed class RawJsonConverter : JsonConverter<RawJson>
{
    public override bool HandleNull => true;

    public override RawJson Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.Null)
            return RawJson.Null;
        using var document = JsonDocument.ParseValue(ref reader);
        return RawJson.From(document.RootElement);
    }

    public override void Write(Utf8JsonWriter writer, RawJson value, JsonSerializerOptions options) =>
        writer.WriteRawValue(value.Utf8.Span, skipInputValidation: true);
}
