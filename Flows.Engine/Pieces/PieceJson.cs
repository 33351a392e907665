using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces;

/// <summary>How pieces write JSON.</summary>
internal static class PieceJson
{
    public static JsonWriterOptions Writing { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 256 };
}

/// <summary>Lets an input or output record hold any JSON as a <see cref="Value"/>.</summary>
internal sealed class ValueConverter : JsonConverter<Value>
{
    public override bool HandleNull => true;

    public override Value Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using var document = JsonDocument.ParseValue(ref reader);
        return Value.FromJson(document.RootElement);
    }

    public override void Write(Utf8JsonWriter writer, Value value, JsonSerializerOptions options) => value.WriteTo(writer);
}
