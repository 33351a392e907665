using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Flows.Tests.Observability;

/// <summary>A span as it came over the wire.</summary>
/// <param name="Kind">1 internal, 2 server, 3 client, 4 producer, 5 consumer.</param>
internal sealed record ReceivedSpan(
    string Source, string TraceId, string SpanId, string ParentId, string Name, int Kind, ulong Start, ulong End, IReadOnlyDictionary<string, string> Tags, IReadOnlyList<string> Links);

/// <summary>
/// Takes spans over OTLP (http/protobuf), and is a service that flows call: GET /called remembers the header traceparent. The wire format:
/// https://protobuf.dev/programming-guides/encoding, and opentelemetry/proto/trace/v1/trace.proto for the numbers of the fields.
/// </summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;

    private OtlpReceiver(WebApplication app) => _app = app;

    public ConcurrentQueue<ReceivedSpan> Spans { get; } = new();
    public ConcurrentQueue<string> CalledBy { get; } = new();
    public string Url => _app.Urls.Single();

    public static async Task<OtlpReceiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var receiver = new OtlpReceiver(app);
        app.MapPost("/v1/traces", async (HttpContext http) =>
        {
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body);
            receiver.Take(body.ToArray());
            return Results.Bytes([], "application/x-protobuf");
        });
        app.MapPost("/v1/{other}", () => Results.Bytes([], "application/x-protobuf"));
        app.MapGet("/called", (HttpContext http) =>
        {
            receiver.CalledBy.Enqueue(http.Request.Headers.TraceParent.ToString());
            return Results.Json(new { ok = true });
        });
        await app.StartAsync();
        return receiver;
    }

    /// <summary>The spans of a trace, once they satisfy the condition.</summary>
    public async Task<List<ReceivedSpan>> UntilAsync(string traceId, Func<List<ReceivedSpan>, bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            var spans = Spans.Where(span => span.TraceId == traceId).ToList();
            if (condition(spans))
                return spans;
            try
            {
                await Task.Delay(50, limit.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"Not within 60 s. Of the trace: {string.Join("; ", spans.Select(span => $"{span.Source}/{span.Name}"))}. Of others: {Spans.Count}.");
            }
        }
    }

    /// <summary>The first span that satisfies the condition, once there is one.</summary>
    public async Task<ReceivedSpan> UntilAnyAsync(Predicate<ReceivedSpan> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        ReceivedSpan? found;
        while ((found = Spans.FirstOrDefault(span => condition(span))) is null)
            await Task.Delay(50, limit.Token);
        return found;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    private void Take(ReadOnlyMemory<byte> request)
    {
        foreach (var resource in Fields(request).Where(field => field.Number == 1))
            foreach (var scope in Fields(resource.Bytes).Where(field => field.Number == 2))
            {
                var source = Fields(scope.Bytes).Where(field => field.Number == 1).SelectMany(field => Fields(field.Bytes)).Where(field => field.Number == 1).Select(field => Text(field.Bytes)).FirstOrDefault("");
                foreach (var span in Fields(scope.Bytes).Where(field => field.Number == 2))
                    Spans.Enqueue(Read(source, Fields(span.Bytes).ToList()));
            }
    }

    private static ReceivedSpan Read(string source, List<Field> fields)
    {
        string Hex(int number) => fields.Where(field => field.Number == number).Select(field => Convert.ToHexStringLower(field.Bytes.Span)).FirstOrDefault("");
        ulong Number(int number) => fields.Where(field => field.Number == number).Select(field => field.Value).FirstOrDefault();
        var tags = fields.Where(field => field.Number == 9).Select(field => Fields(field.Bytes).ToList()).ToDictionary(
            pair => Text(pair.First(field => field.Number == 1).Bytes),
            pair => Fields(pair.First(field => field.Number == 2).Bytes).Select(value => value.Number == 1 ? Text(value.Bytes) : value.Value.ToString(System.Globalization.CultureInfo.InvariantCulture)).FirstOrDefault(""));
        var links = fields.Where(field => field.Number == 13)
            .Select(link => Convert.ToHexStringLower(Fields(link.Bytes).First(field => field.Number == 1).Bytes.Span)).ToList();
        return new ReceivedSpan(source, Hex(1), Hex(2), Hex(4), fields.Where(field => field.Number == 5).Select(field => Text(field.Bytes)).First(), (int)Number(6), Number(7), Number(8), tags, links);
    }

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);

    private readonly record struct Field(int Number, ulong Value, ReadOnlyMemory<byte> Bytes);

    // A field: the varint (number << 3 | type), then a varint (0), eight bytes (1), a length and as many bytes (2), or four bytes (5).
    private static IEnumerable<Field> Fields(ReadOnlyMemory<byte> message)
    {
        while (message.Length > 0)
        {
            var key = Varint(ref message);
            var (number, type) = ((int)(key >> 3), (int)(key & 7));
            switch (type)
            {
                case 0:
                    yield return new(number, Varint(ref message), default);
                    break;
                case 1:
                    yield return new(number, BinaryPrimitives.ReadUInt64LittleEndian(message.Span), default);
                    message = message[8..];
                    break;
                case 2:
                    var length = (int)Varint(ref message);
                    yield return new(number, 0, message[..length]);
                    message = message[length..];
                    break;
                case 5:
                    yield return new(number, BinaryPrimitives.ReadUInt32LittleEndian(message.Span), default);
                    message = message[4..];
                    break;
                default:
                    throw new InvalidDataException($"Type {type}.");
            }
        }
    }

    private static ulong Varint(ref ReadOnlyMemory<byte> message)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var next = message.Span[0];
            message = message[1..];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }
    }
}
