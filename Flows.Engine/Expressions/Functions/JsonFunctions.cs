using System.Buffers;
using System.Text;
using System.Text.Json;
using Flows.Contracts.Json;

namespace Flows.Engine.Expressions;

internal static class JsonFunctions
{
    public static IReadOnlyList<Function> All { get; } =
    [
        new("parseJson(text)", "The value that a JSON text holds.", Parse, "JSON.parse", "fromJson"),
        new("toJson(value, indent?)", "The value as JSON text; with an indent of 1 to 8 spaces on several lines.", Write, "JSON.stringify"),
        new("isJson(text)", "Whether a text is JSON.", call => Value.Of(TryParse(call.Text(0), out _, out _))),
    ];

    private static Value Parse(FunctionCall call)
    {
        var text = call.Text(0);
        call.Context.Text(text.Length);
        if (TryParse(text, out var value, out var reason))
            return call.Context.Checked(value);
        throw Value.LimitOf(Encoding.UTF8.GetBytes(text)) is { } limit
            ? new ExpressionException($"{call.Name}(): the text cannot be taken in: {limit}", call.At) { IsLimit = true }
            : call.Fail($"the text is not JSON: {reason}");
    }

    private static bool TryParse(string text, out Value value, out string reason)
    {
        (value, reason) = (default, "");
        try
        {
            value = Value.FromJson(Encoding.UTF8.GetBytes(text));
            return true;
        }
        catch (JsonException error)
        {
            // Only the place: the parser's own sentence quotes the data.
            reason = error.LineNumber is { } line ? $"something is wrong at {line + 1}:{error.BytePositionInLine + 1}" : "there is more than one value";
            return false;
        }
    }

    private static Value Write(FunctionCall call)
    {
        var indent = call.Has(1) ? call.Integer(1, 0, 8) : 0;
        // No JSON text is shorter than the weight of its value.
        call.Context.Text(call[0].Weight);
        if (indent == 0)
            return call.Result(call[0].ToRawJson().ToString());
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer, Value.Writing with { Indented = true, IndentSize = indent, NewLine = "\n" }))
            call[0].WriteTo(writer);
        return call.Result(RawJson.FromUtf8(buffer.WrittenMemory).ToString());
    }
}
