using System.Buffers;
using System.Text;
using System.Text.Json;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;

namespace Flows.Api.Runs.Values;

/// <summary>
/// What a JSON column holds in the place of a value that lies in <c>run_values</c>: a tab, then
/// <c>{"value":id,"size":bytes,"preview":text}</c>, and for an error its <c>code</c> and <c>message</c> as well. No value of a caller or a step
/// begins with white space (see <see cref="RawJson"/>), so none can be taken for a reference, and Postgres keeps the text of <c>json</c> as it
/// is. A statement that copies the column copies the reference; one that copies it to another run copies the value too.
/// </summary>
/// <param name="Id">The first 128 bits of the value's SHA-256.</param>
/// <param name="Size">Bytes of the value's JSON.</param>
/// <param name="Preview">How it begins.</param>
internal sealed record ValueReference(Guid Id, int Size, string Preview)
{
    /// <summary>True in SQL for a column that holds a reference.</summary>
    public static string IsIn(string column) => $"({column})::text LIKE E'\\t%'";

    /// <summary>The id of the value in SQL; null for a column that holds none.</summary>
    public static string IdIn(string column) => $"CASE WHEN {IsIn(column)} THEN ({column} ->> 'value')::uuid END";

    private const byte Mark = (byte)'\t';
    private const int PreviewBytes = 512;
    private const int MessageCharacters = 2_000;

    public static bool IsOne(RawJson? stored) => stored is { } json && json.Utf8.Span[0] == Mark;

    /// <summary>Null: the column holds the value itself.</summary>
    public static ValueReference? Read(RawJson? stored)
    {
        if (!IsOne(stored))
            return null;
        var json = stored!.Value.ToElement();
        return new ValueReference(json.GetProperty("value").GetGuid(), json.GetProperty("size").GetInt32(), json.GetProperty("preview").GetString()!);
    }

    /// <param name="error">Set when the value is this error: readers that need no more than its code and message need not fetch it.</param>
    public static RawJson Of(Guid id, ReadOnlySpan<byte> value, StepError? error = null)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        buffer.Write([Mark]);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (error is not null)
            {
                json.WriteString("code", error.Code);
                json.WriteString("message", error.Message.Length <= MessageCharacters ? error.Message : error.Message[..MessageCharacters] + "…");
            }
            json.WriteString("value", id);
            json.WriteNumber("size", value.Length);
            json.WriteString("preview", Begin(value));
            json.WriteEndObject();
        }
        return RawJson.FromUtf8(buffer.WrittenMemory);
    }

    private static string Begin(ReadOnlySpan<byte> value)
    {
        var end = Math.Min(PreviewBytes, value.Length);
        while (end < value.Length && (value[end] & 0xC0) == 0x80)
            end--; // not through the middle of a character
        return Encoding.UTF8.GetString(value[..end]);
    }
}

/// <summary>A value as <c>run_values</c> keeps it.</summary>
/// <param name="Size">Bytes of the JSON.</param>
internal sealed record LargeValue(Guid RunId, Guid Id, int Size, ValueEncoding Encoding, byte[] Data);

/// <summary>How the bytes of a large value are stored. The numbers are stored as well.</summary>
internal enum ValueEncoding : short { Plain = 0, Brotli = 1 }
