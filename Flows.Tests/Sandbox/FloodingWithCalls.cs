using System.Diagnostics;
using Flows.Contracts.Runs;
using Flows.Tests.Worker;

namespace Flows.Tests.Sandbox;

/// <summary>More calls at once than anybody serves: an engine that is honest waits its turn, one that is not is ended, and both within bounds.</summary>
public sealed class FloodingWithCalls
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(20);

    // It never reads an answer. The second kind is refused by the worker without any process, so that the answers themselves flood the pipe.
    private const string Endless = """for my $i (1 .. 5000) { frame(4, qq({"callId":$i,"stepName":"code","language":"javascript","source":"for(;;);","input":{},"timeoutMs":0})) } sleep 300""";
    private const string Refused = """my $long = 'x' x 10000; for my $i (1 .. 5000) { frame(4, qq({"callId":$i,"stepName":"$long","language":"cobol","source":"","input":{},"timeoutMs":0})) } sleep 300""";
    private const string Host = """for my $i (1 .. 5000) { frame(6, qq({"callId":$i,"call":"nothing","arguments":{}})) } sleep 300""";

    // Two forks and a session of its own: no kill of a tree or of a process group meets it, and it keeps the pipe open.
    private const string KeepThePipe = """use POSIX (); if (!fork) { POSIX::setsid(); if (!fork) { $0 = 'flows-pipe-keeper'; sleep 30; } exit 0 } """;

    [Theory]
    [InlineData("UNSANDBOXED", Endless, "More than 1000 pieces of code were to run at once")]
    [InlineData("UNSANDBOXED", Refused, "More than 1000 pieces of code were to run at once")]
    [InlineData("UNSANDBOXED", Host, "More than 1000 calls were under way at once")]
    [InlineData("UNSANDBOXED", KeepThePipe + Refused, "More than 1000 pieces of code were to run at once")]
    [InlineData("SANDBOX_CODE_AND_PROCESS", Endless, "More than 1000 pieces of code were to run at once")]
    [InlineData("SANDBOX_CODE_AND_PROCESS", KeepThePipe + Refused, "More than 1000 pieces of code were to run at once")]
    public async Task An_engine_that_asks_without_listening_is_cut_off_and_the_next_run_is_served(string mode, string perl, string reason)
    {
        await using var worker = await WorkerUnderTest.StartAsync(HostileEngine.Create(), settings: [("Flows:Execution:Mode", mode), ("Flows:Worker:Concurrency", "2")]);
        for (var round = 0; round < 3; round++)
        {
            var run = worker.AddFlow(HostileEngine.Script(perl));
            var began = Stopwatch.GetTimestamp();
            await worker.HandleAsync(run);

            Assert.True(Stopwatch.GetElapsedTime(began) < s_bound, $"it took {Stopwatch.GetElapsedTime(began)}");
            Assert.Equal((RunStatus.Queued, "engine_crashed"), (run.Outcome!.Status, run.Outcome.Error!.Code));
            Assert.Contains(reason, run.Outcome.Error.Message, StringComparison.Ordinal);

            var next = worker.AddFlow(HostileEngine.Script("line('fine')"));
            await worker.HandleAsync(next);
            Assert.Equal(RunStatus.Succeeded, next.Outcome!.Status);
        }
    }

    [Fact]
    public async Task Two_thousand_code_steps_that_could_all_run_at_once_wait_for_each_other_and_end()
    {
        await using var worker = await WorkerUnderTest.StartAsync(EscapedCode.Engine, settings: [("Flows:Execution:Mode", "SANDBOX_CODE_AND_PROCESS"), ("Flows:Worker:Concurrency", "2")]);
        var run = worker.AddFlow($$"""
            { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "start", "input": {} },
              "steps": [
                { "name": "outer", "kind": "loop", "items": "{{Outer}}", "parallel": 40, "steps": [
                  { "name": "inner", "kind": "loop", "items": "{{Inner}}", "parallel": 50, "steps": [
                    { "name": "code", "kind": "code", "language": "javascript", "input": { "n": "{{Item}}" }, "source": "export default ({ n }) => n + 1;" } ] } ] },
                { "name": "answer", "kind": "respond", "body": "{{Answer}}" } ] }
            """);
        await worker.HandleAsync(run);

        Assert.Null(run.Outcome!.Error);
        Assert.Equal("[40,50,50]", run.Response!.Body.ToString());
    }

    private const string Outer = "{{range(0, 40)}}", Inner = "{{range(0, 50)}}", Item = "{{inner.item}}";
    private const string Answer = "{{ [length(outer.results), length(outer.results[0].results), outer.results[39].results[49]] }}";
}
