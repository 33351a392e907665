using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Flows.LocalHosting.Dashboard.Traces;

/// <summary>
/// Reads spans from an ExportTraceServiceRequest in protobuf. The wire format: https://protobuf.dev/programming-guides/encoding; the numbers of the fields:
/// opentelemetry/proto/trace/v1/trace.proto. What it does not know it passes over.
/// </summary>
internal static class OtlpMessage
{
    private const int LongestText = 500;
    private const int MostTags = 40;

    /// <exception cref="InvalidDataException">It is no such message.</exception>
    public static List<Span> ReadSpans(ReadOnlyMemory<byte> request)
    {
        try
        {
            var spans = new List<Span>();
            foreach (var resource in Fields(request).Where(field => field.Number == 1))
            {
                var parts = Fields(resource.Bytes).ToList();
                var attributes = parts.Where(field => field.Number == 1).SelectMany(field => Tags(Fields(field.Bytes), 1)).ToList();
                string Attribute(string name) => attributes.FirstOrDefault(tag => tag.Key == name).Value ?? "";
                foreach (var span in parts.Where(field => field.Number == 2).SelectMany(scope => Fields(scope.Bytes)).Where(field => field.Number == 2))
                    spans.Add(ReadSpan(Attribute("service.name"), Attribute("service.instance.id"), [.. Fields(span.Bytes)]));
            }
            return spans;
        }
        catch (Exception error) when (error is ArgumentOutOfRangeException or IndexOutOfRangeException or OverflowException)
        {
            throw new InvalidDataException("The message is cut off or broken.", error);
        }
    }

    private static Span ReadSpan(string service, string instance, List<Field> fields)
    {
        ReadOnlyMemory<byte> Bytes(int number) => fields.FirstOrDefault(field => field.Number == number).Bytes;
        ulong Number(int number) => fields.FirstOrDefault(field => field.Number == number).Value;
        var (trace, id) = (Bytes(1), Bytes(2));
        if (trace.Length != 16 || id.Length != 8)
            throw new InvalidDataException("A span has no id.");
        var status = Fields(Bytes(15)).ToList();
        return new Span(
            Hex(trace), Hex(id), Hex(Bytes(4)), service, instance, Text(Bytes(5)), (SpanKind)Math.Min(Number(6), 5), Moment(Number(7)), Moment(Number(8)),
            status.FirstOrDefault(field => field.Number == 3).Value == 2, Text(status.FirstOrDefault(field => field.Number == 2).Bytes),
            [.. Tags(fields, 9).Take(MostTags)],
            [.. fields.Where(field => field.Number == 13).Take(MostTags).Select(link => Hex(Fields(link.Bytes).FirstOrDefault(field => field.Number == 1).Bytes))]);
    }

    /// <summary>The pairs of name and value in the repeated field of this number.</summary>
    private static IEnumerable<KeyValuePair<string, string>> Tags(IEnumerable<Field> fields, int number)
    {
        foreach (var field in fields.Where(field => field.Number == number))
        {
            var pair = Fields(field.Bytes).ToList();
            var value = Fields(pair.FirstOrDefault(part => part.Number == 2).Bytes).FirstOrDefault();
            // AnyValue: a text, a truth, a whole number, a number; lists and maps are passed over.
            var text = value.Number switch
            {
                1 => Text(value.Bytes),
                2 => value.Value == 1 ? "true" : "false",
                3 => ((long)value.Value).ToString(CultureInfo.InvariantCulture),
                4 => BitConverter.UInt64BitsToDouble(value.Value).ToString(CultureInfo.InvariantCulture),
                _ => "",
            };
            yield return new(Text(pair.FirstOrDefault(part => part.Number == 1).Bytes), text);
        }
    }

    private static DateTimeOffset Moment(ulong nanoseconds) =>
        DateTimeOffset.UnixEpoch.AddTicks((long)Math.Min(nanoseconds / 100, (ulong)(DateTimeOffset.MaxValue - DateTimeOffset.UnixEpoch).Ticks));

    private static string Hex(ReadOnlyMemory<byte> bytes) => Convert.ToHexStringLower(bytes.Span);

    private static string Text(ReadOnlyMemory<byte> bytes)
    {
        var text = Encoding.UTF8.GetString(bytes.Span);
        return text.Length <= LongestText ? text : text[..LongestText];
    }

    private readonly record struct Field(int Number, ulong Value, ReadOnlyMemory<byte> Bytes);

    // A field: the varint (number << 3 | type), then a varint (0), eight bytes (1), a length and as many bytes (2), or four bytes (5).
    private static IEnumerable<Field> Fields(ReadOnlyMemory<byte> message)
    {
        while (message.Length > 0)
        {
            var key = Varint(ref message);
            var number = checked((int)(key >> 3));
            switch (key & 7)
            {
                case 0:
                    yield return new(number, Varint(ref message), default);
                    break;
                case 1:
                    yield return new(number, BinaryPrimitives.ReadUInt64LittleEndian(message.Span), default);
                    message = message[8..];
                    break;
                case 2:
                    var length = checked((int)Varint(ref message));
                    yield return new(number, 0, message[..length]);
                    message = message[length..];
                    break;
                case 5:
                    yield return new(number, BinaryPrimitives.ReadUInt32LittleEndian(message.Span), default);
                    message = message[4..];
                    break;
                default:
                    throw new InvalidDataException($"A field of the type {key & 7} is none that this format has.");
            }
        }
    }

    private static ulong Varint(ref ReadOnlyMemory<byte> message)
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = message.Span[0];
            message = message[1..];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }
        throw new InvalidDataException("A number has more than 64 bits.");
    }
}
