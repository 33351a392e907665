using Flows.Contracts.Runs;
using Flows.Tests.Worker;

namespace Flows.Tests.Sandbox;

/// <summary>An engine that somebody else has taken over, and what it says to the worker: refused with a reason, and never anybody else's harm.</summary>
public sealed class AbusingTheProtocol
{
    private const string Other = "018f0000-0000-7000-8000-000000000000";

    public static TheoryData<string, string, string> Attempts => new()
    {
        { "a length below zero", "raw(pack 'VC', 0xFFFFFFFF, 2); sleep 300", "A frame of -1 bytes was announced" },
        { "a length of nothing", "raw(pack 'VC', 0, 2); sleep 300", "A frame of 0 bytes was announced" },
        { "a frame of a gibibyte", "raw(pack 'VC', 1 << 30, 2); sleep 300", "A frame of 1073741824 bytes was announced" },
        { "an unknown type", "frame(99, '{}'); sleep 300", "A frame of the unknown type 99" },
        { "half a header", "raw('ab'); exit 0", "The stream ended after 2 bytes of a frame header" },
        { "half a frame", "raw(pack('VC', 1000, 2) . '{'); exit 0", "The stream ended inside a Journal frame of 1000 bytes" },
        { "a page", "raw('<html><body>this is not a frame</body></html>' x 10); sleep 300", "was announced" },
        { "a frame of the worker's own", "frame(32, '{}'); sleep 300", "A Start frame does not belong here" },
        { "a second greeting", """frame(1, '{"protocol":1,"version":"x"}'); sleep 300""", "A Ready frame does not belong here" },
        { "a code runner's answer", """frame(66, '{"output":1}'); sleep 300""", "A CodeResult frame does not belong here" },
        { "no JSON", "frame(2, 'hello'); sleep 300", "sent something unreadable" },
        { "nothing at all in a frame", "frame(2, ''); sleep 300", "sent something unreadable" },
        { "null", "frame(2, 'null'); sleep 300", "sent something unreadable" },
        { "a list for an object", "frame(2, '[]'); sleep 300", "sent something unreadable" },
        { "broken UTF-8", """frame(2, "{\"sequence\":1,\"steps\":[{\"path\":\"\xff\xfe\"}]}"); sleep 300""", "sent something unreadable" },
        { "a bottomless value", "frame(2, '{\"steps\":' . ('[' x 100000)); sleep 300", "sent something unreadable" },
        { "a number beyond all numbers", """frame(2, '{"sequence":99999999999999999999,"steps":[]}'); sleep 300""", "sent something unreadable" },
        { "a journal without steps", """frame(2, '{"sequence":1}'); sleep 300""", "sent something unreadable" },
        { "a line without a path", """frame(2, '{"sequence":1,"steps":[{"status":"Running"}]}'); sleep 300""", "sent something unreadable" },
        { "a line of nothing", """frame(2, '{"sequence":1,"steps":[null]}'); sleep 300""", "sent something unreadable" },
        { "a journal that goes back", "line('a'); line('b'); $sequence = 0; line('c'); sleep 300", "The journal went back from number 2 to 1" },
        { "a journal that stands still", "line('a'); $sequence = 0; line('a'); sleep 300", "The journal went back from number 1 to 1" },
        { "another's run", $$$"""frame(5, '{"runId":"{{{Other}}}","outcome":{"status":"Succeeded"}}'); sleep 300""", "which is not the one it was given" },
        { "no outcome", """frame(5, qq({"runId":"$run"})); sleep 300""", "sent something unreadable" },
        { "an end that only people may give", """frame(5, qq({"runId":"$run","outcome":{"status":"Cancelled"}})); sleep 300""", "without an outcome that an engine may give" },
        { "an end that is none", """frame(5, qq({"runId":"$run","outcome":{"status":"Running"}})); sleep 300""", "without an outcome that an engine may give" },
        { "an end that nobody knows", """frame(5, qq({"runId":"$run","outcome":{"status":"Triumphant"}})); sleep 300""", "sent something unreadable" },
    };

    [Theory]
    [InlineData("UNSANDBOXED")]
    [InlineData("SANDBOX_PROCESS")]
    [InlineData("SANDBOX_CODE_ONLY")]
    [InlineData("SANDBOX_CODE_AND_PROCESS")]
    public async Task Every_abuse_is_refused_with_its_reason_and_harms_no_other_run(string mode)
    {
        await using var worker = await WorkerUnderTest.StartAsync(HostileEngine.Create(), settings: [("Flows:Execution:Mode", mode), ("Flows:Worker:Concurrency", "4")]);
        var neighbour = Guid.CreateVersion7();
        foreach (var attempt in Attempts)
        {
            var (what, perl, reason) = ((string)attempt[0], (string)attempt[1], (string)attempt[2]);
            var hostile = worker.AddFlow(HostileEngine.Script($"# {what}\n{perl}"));
            var honest = worker.AddFlow(HostileEngine.Script("line('fine')"), neighbour);
            await Task.WhenAll(worker.HandleAsync(hostile), worker.HandleAsync(honest));

            Assert.True(hostile.Outcome!.Error is not null, $"{what}: {hostile.Outcome.Status}");
            Assert.Equal((what, RunStatus.Queued, "engine_crashed"), (what, hostile.Outcome.Status, hostile.Outcome.Error.Code));
            Assert.Contains(reason, hostile.Outcome.Error.Message, StringComparison.Ordinal);
            Assert.Equal((what, RunStatus.Succeeded), (what, honest.Outcome!.Status));
        }
    }

    [Fact]
    public async Task What_an_engine_says_between_two_runs_ends_it_and_never_the_next_run()
    {
        await using var worker = await WorkerUnderTest.StartAsync(HostileEngine.Create(), settings: ("Flows:Worker:Concurrency", "1"));
        // The end of its own run, and behind it, unasked, one more.
        var talker = worker.AddFlow(HostileEngine.Script("""frame(5, qq({"runId":"$run","outcome":{"status":"Succeeded"}}))"""));
        await worker.HandleAsync(talker);
        Assert.Equal(RunStatus.Succeeded, talker.Outcome!.Status);

        var next = worker.AddFlow(HostileEngine.Script("line('fine')"));
        await worker.HandleAsync(next);
        // The second end carries the first run's id.
        Assert.Equal("engine_crashed", next.Outcome!.Error?.Code);
        Assert.Contains("which is not the one it was given", next.Outcome.Error!.Message, StringComparison.Ordinal);
        await worker.HandleAsync(next);
        Assert.Equal(RunStatus.Succeeded, next.Outcome.Status);
    }
}
