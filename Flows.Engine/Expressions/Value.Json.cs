using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Flows.Contracts.Json;

namespace Flows.Engine.Expressions;

/// <summary>From JSON and to JSON.</summary>
public readonly partial struct Value
{
    /// <summary>Levels a list or object may nest, read or made. Leaves room for the messages that carry the value, whose readers stop at 64.</summary>
    public const int MaxDepth = 56;

    private static readonly JsonReaderOptions s_reading = new() { MaxDepth = MaxDepth, CommentHandling = JsonCommentHandling.Disallow };
    internal static JsonWriterOptions Writing { get; } = new()
    {
        SkipValidation = true,
        MaxDepth = 1000,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Reads one JSON value. Of a key that is there twice the last value counts; half a surrogate pair becomes U+FFFD.</summary>
    /// <exception cref="JsonException">Not one JSON value, or nested over <see cref="MaxDepth"/> levels.</exception>
    public static Value FromJson(ReadOnlySpan<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8, s_reading);
        reader.Read();
        var value = Read(ref reader);
        if (reader.Read())
            throw new JsonException("There is more behind the JSON value.");
        return value;
    }

    /// <summary>The same of an element; an undefined one is null.</summary>
    public static Value FromJson(JsonElement element) =>
        element.ValueKind == JsonValueKind.Undefined ? Null : FromJson(JsonMarshal.GetRawUtf8Value(element));

    /// <summary>The same of raw JSON.</summary>
    public static Value FromJson(RawJson json) => FromJson(json.Utf8.Span);

    /// <summary>Why JSON that is sound cannot be taken in, with the limit: <c>it is nested more than 56 levels deep (limit: depth)</c>. Null for what is no JSON.</summary>
    public static string? LimitOf(ReadOnlySpan<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8, s_reading with { MaxDepth = int.MaxValue });
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.StartArray or JsonTokenType.StartObject && reader.CurrentDepth >= MaxDepth)
                    return $"it is nested more than {MaxDepth} levels deep (limit: depth)";
                if (reader.TokenType == JsonTokenType.Number && !reader.TryGetInt64(out _) && !(reader.TryGetDouble(out var number) && double.IsFinite(number)))
                    return $"the number {Shown.Cut(Encoding.UTF8.GetString(reader.ValueSpan))} in it is too large (limit: number size)";
            }
        }
        catch (JsonException)
        {
            // It is not sound.
        }
        return null;
    }

    public RawJson ToRawJson()
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer, Writing))
            WriteTo(writer);
        return RawJson.FromUtf8(buffer.WrittenMemory);
    }

    /// <summary>Writes it as JSON; a double in the fewest digits that read back as the same number.</summary>
    public void WriteTo(Utf8JsonWriter writer)
    {
        switch (_store)
        {
            case Store.Boolean:
                writer.WriteBooleanValue(_bits != 0);
                break;
            case Store.Integer:
                writer.WriteNumberValue(_bits);
                break;
            case Store.Double:
                writer.WriteRawValue(NumberText.Of(BitConverter.Int64BitsToDouble(_bits)), skipInputValidation: true);
                break;
            case Store.Text:
                WriteText(writer, (string)_reference!);
                break;
            case Store.List:
                writer.WriteStartArray();
                foreach (ref readonly var item in ((ValueList)_reference!).Span)
                    item.WriteTo(writer);
                writer.WriteEndArray();
                break;
            case Store.Object:
                var value = (ValueObject)_reference!;
                writer.WriteStartObject();
                for (var i = 0; i < value.Count; i++)
                {
                    writer.WritePropertyName(value.KeyAt(i));
                    value.ValueAt(i).WriteTo(writer);
                }
                writer.WriteEndObject();
                break;
            default:
                writer.WriteNullValue();
                break;
        }
    }

    // The writer escapes characters beyond U+FFFF; written out they are a third of the size, and legible.
    private static void WriteText(Utf8JsonWriter writer, string text)
    {
        if (text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
            writer.WriteRawValue(JsonQuoted.Of(text), skipInputValidation: true);
        else
            writer.WriteStringValue(text);
    }

    private static Value Read(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.True:
                return True;
            case JsonTokenType.False:
                return False;
            case JsonTokenType.Number:
                return reader.TryGetInt64(out var integer) ? Of(integer) : ReadDouble(ref reader);
            case JsonTokenType.String:
                return Of(ReadText(ref reader));
            case JsonTokenType.StartArray:
                var items = new List<Value>();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                    items.Add(Read(ref reader));
                return items.Count == 0 ? ValueList.Empty : Of(new ValueList(items.ToArray()));
            case JsonTokenType.StartObject:
                var value = new ValueObject.Builder();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    var key = ReadText(ref reader);
                    reader.Read();
                    value.Set(key, Read(ref reader));
                }
                return Of(value.ToObject());
            default:
                return Null;
        }
    }

    private static Value ReadDouble(ref Utf8JsonReader reader) =>
        reader.TryGetDouble(out var number) && double.IsFinite(number)
            ? Of(number)
            : throw new JsonException($"The number {Shown.Cut(Encoding.UTF8.GetString(reader.ValueSpan))} is too large.");

    private static string ReadText(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            // JSON may escape half a surrogate pair, and the reader refuses to make a string of it.
            return LoneSurrogates.Decode(reader.ValueSpan);
        }
    }
}
