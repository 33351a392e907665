using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;

namespace Flows.Api.Runs.Values;

/// <summary>
/// Takes the large values out of the rows of one run. The same value is taken once, however many rows have it: the output of a step is often
/// the input of the next, and the last one that of the run.
/// </summary>
/// <param name="runId">Whose rows they are.</param>
/// <param name="inlineBytes">The largest value that stays in its row.</param>
internal sealed class ValuePacker(Guid runId, int inlineBytes)
{
    // Measured on JSON of 64 KiB and of 1 MiB: 200 MB/s down to 18 %; the next quality is half as fast and no smaller, zlib's fastest as fast and at 28 %.
    private const int Quality = 1;
    private const int Window = 22;

    private List<LargeValue>? _large;

    /// <summary>Those that were taken out.</summary>
    public IReadOnlyList<LargeValue> Large => _large ?? [];

    /// <returns>What the column is to hold: the value, or a reference to it.</returns>
    public RawJson? Pack(RawJson? value) => value is { } json ? Pack(json, error: null) : null;

    public RawJson? Pack(StepError? error) => error is null
        ? null
        : Pack(RawJson.FromUtf8(JsonSerializer.SerializeToUtf8Bytes(error, RunsJson.Default.StepError)), error);

    public RawJson? Pack(RunResponse? response) => response is null
        ? null
        : Pack(RawJson.FromUtf8(JsonSerializer.SerializeToUtf8Bytes(response, RunsJson.Default.RunResponse)), error: null);

    private RawJson Pack(RawJson value, StepError? error)
    {
        if (value.Length <= inlineBytes)
            return value;
        // Valid JSON may still hold bytes that are not UTF-8; they become U+FFFD here as in a row.
        var json = Utf8.IsValid(value.Utf8.Span) ? value.Utf8.Span : Encoding.UTF8.GetBytes(value.ToString());
        var hash = SHA256.HashData(json);
        var id = new Guid(hash.AsSpan(0, 16), bigEndian: true);
        if (_large?.Exists(large => large.Id == id) != true)
            (_large ??= []).Add(Compress(id, json));
        return ValueReference.Of(id, json, error);
    }

    private LargeValue Compress(Guid id, ReadOnlySpan<byte> json)
    {
        var buffer = new byte[BrotliEncoder.GetMaxCompressedLength(json.Length)];
        // What does not get smaller, as a file in Base64 nearly does not, need not be unpacked either.
        return BrotliEncoder.TryCompress(json, buffer, out var written, Quality, Window) && written < json.Length - (json.Length / 10)
            ? new LargeValue(runId, id, json.Length, ValueEncoding.Brotli, buffer[..written])
            : new LargeValue(runId, id, json.Length, ValueEncoding.Plain, json.ToArray());
    }
}
