using System.IO.Pipelines;
using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;

namespace Flows.Tests.Contracts;

public sealed class FrameTests
{
    [Fact]
    public async Task A_message_arrives_as_it_was_sent()
    {
        var pipe = new Pipe();
        using var writer = new FrameWriter(pipe.Writer.AsStream());
        var reader = new FrameReader(pipe.Reader.AsStream());
        var sent = new RunFinished(Guid.CreateVersion7(), new RunOutcome(RunStatus.Succeeded, RawJson.Parse("""{"a":[1,"ü"]}""")));

        await writer.WriteAsync(FrameType.Finished, sent, EngineJson.Default.RunFinished, default);
        await pipe.Writer.CompleteAsync();

        var frame = await reader.ReadAsync(default);
        Assert.Equal(FrameType.Finished, frame!.Value.Type);
        Assert.Equal(sent, frame.Value.Read(EngineJson.Default.RunFinished));
        Assert.Null(await reader.ReadAsync(default));
    }

    [Theory]
    [InlineData(new byte[] { 1, 0 }, "header")]
    [InlineData(new byte[] { 0, 0, 0, 0, 1 }, "0 bytes was announced")]
    [InlineData(new byte[] { 255, 255, 255, 127, 1 }, "2147483647 bytes was announced")]
    [InlineData(new byte[] { 1, 0, 0, 0, 250 }, "unknown type 250")]
    [InlineData(new byte[] { 9, 0, 0, 0, 1, 1, 1 }, "ended inside a Ready frame")]
    public async Task Bytes_that_are_not_frames_are_refused(byte[] bytes, string message)
    {
        var reader = new FrameReader(new MemoryStream(bytes));
        var error = await Assert.ThrowsAsync<FrameException>(async () => await reader.ReadAsync(default));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_over_the_limit_is_refused_before_a_byte_is_written()
    {
        using var stream = new MemoryStream();
        using var writer = new FrameWriter(stream, maxLength: 64);
        var big = new CodeResult(RawJson.Parse($"\"{new string('x', 100)}\""), null, null);
        await Assert.ThrowsAsync<FrameException>(async () => await writer.WriteAsync(FrameType.CodeResult, big, EngineJson.Default.CodeResult, default));
        Assert.Equal(0, stream.Length);
    }

    [Fact]
    public void Raw_json_keeps_every_byte_of_the_value()
    {
        var text = """{ "n": 12345678901234567890, "s": "\u0000é", "x": 1.0 }""";
        Assert.Equal(text, JsonSerializer.Deserialize<RawJson>(text).ToString());
    }
}
