using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Unicode;
using Flows.Contracts.Json;

namespace Flows.Api;

/// <summary>How the REST surface writes and reads JSON.</summary>
internal static class FlowsJson
{
    /// <summary>camelCase, enums as words; unknown, missing and repeated fields of request records are refused with their path.</summary>
    public static IHostApplicationBuilder AddJson(this IHostApplicationBuilder builder)
    {
        builder.Services.ConfigureHttpJsonOptions(json =>
        {
            var options = json.SerializerOptions;
            options.PropertyNamingPolicy = JsonNamingPolicy.CamelCase;
            options.PropertyNameCaseInsensitive = false;
            options.NumberHandling = JsonNumberHandling.Strict;
            options.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
            options.RespectRequiredConstructorParameters = true;
            options.RespectNullableAnnotations = true;
            options.AllowDuplicateProperties = false;
            options.Converters.Add(new JsonStringEnumConverter(namingPolicy: null, allowIntegerValues: false));
            options.Converters.Add(new SoundElementConverter());
            options.Converters.Add(new SoundRawJsonConverter());
        });
        return builder;
    }
}

/// <summary>
/// Values of any shape that have a text wherever they have a string. The reader itself lets through bytes that are not UTF-8 and escapes of half a
/// surrogate pair, on which whoever looks inside later breaks: an endpoint, Postgres, an engine.
/// </summary>
internal static class SoundJson
{
    /// <exception cref="JsonException">A string of the value is no text.</exception>
    public static void Check(ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json))
            throw new JsonException("The text is not valid UTF-8.");
        if (json.IndexOf("\\ud"u8) < 0 && json.IndexOf("\\uD"u8) < 0)
            return;
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = int.MaxValue });
        while (reader.Read())
        {
            if (reader.TokenType is not (JsonTokenType.String or JsonTokenType.PropertyName) || !reader.ValueIsEscaped)
                continue;
            try
            {
                reader.GetString();
            }
            catch (InvalidOperationException)
            {
                throw new JsonException("A text holds half of a Unicode surrogate pair.");
            }
        }
    }
}

/// <summary>Reads elements that are <see cref="SoundJson"/>.</summary>
internal sealed class SoundElementConverter : JsonConverter<JsonElement>
{
    public override bool HandleNull => true;

    public override JsonElement Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var element = JsonElement.ParseValue(ref reader);
        SoundJson.Check(JsonMarshal.GetRawUtf8Value(element));
        return element;
    }

    public override void Write(Utf8JsonWriter writer, JsonElement value, JsonSerializerOptions options)
    {
        if (value.ValueKind == JsonValueKind.Undefined)
            writer.WriteNullValue();
        else
            value.WriteTo(writer);
    }
}

/// <summary>The same for values that are passed on as bytes.</summary>
internal sealed class SoundRawJsonConverter : JsonConverter<RawJson>
{
    private readonly RawJsonConverter _plain = new();

    public override bool HandleNull => true;

    public override RawJson Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var value = _plain.Read(ref reader, typeToConvert, options);
        SoundJson.Check(value.Utf8.Span);
        return value;
    }

    public override void Write(Utf8JsonWriter writer, RawJson value, JsonSerializerOptions options) => _plain.Write(writer, value, options);
}
