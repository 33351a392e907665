using Flows.Contracts.Runs;
using Flows.Tests.Engine;
using Flows.Tests.Worker;
using Microsoft.Extensions.Options;

namespace Flows.Tests.Sandbox;

/// <summary>The engine and the code runner that are delivered, in boxes, served by the worker that is delivered.</summary>
public sealed class RunningInABox
{
    private static readonly string s_engine = Path.Combine(AppContext.BaseDirectory, "Flows.Engine");

    private const string Answer = "{{ [sum, call.body.n, errors.metadata.code] }}";

    [Theory]
    [InlineData("SANDBOX_CODE_AND_PROCESS")]
    [InlineData("SANDBOX_PROCESS")]
    [InlineData("SANDBOX_CODE_ONLY")]
    [InlineData("")]
    public async Task A_flow_with_code_and_a_request_runs_and_reaches_only_what_is_allowed(string mode)
    {
        await using var server = EchoServer.Create();
        await server.StartAsync();
        await using var worker = await WorkerUnderTest.StartAsync(s_engine, settings: [("Flows:Execution:Mode", mode)]);
        var run = worker.AddFlow($$"""
            { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "start", "input": {} },
              "steps": [
                { "name": "sum", "kind": "code", "language": "javascript", "input": { "a": 40 }, "source": "export default ({ a }) => a + 2;" },
                { "name": "call", "kind": "action", "piece": "http", "action": "request", "input": { "url": "{{server.Urls.Single()}}/json" } },
                { "name": "metadata", "kind": "action", "piece": "http", "action": "request", "onError": "continue", "input": { "url": "http://169.254.169.254/latest" } },
                { "name": "answer", "kind": "respond", "body": "{{Answer}}" } ] }
            """);

        Assert.True((await worker.HandleAsync(run)).IsDone);

        Assert.Null(run.Outcome!.Error);
        Assert.Equal("""[42,1,"network_refused"]""", run.Response!.Body.ToString());
        await ChildProbe.UntilAsync(() => !worker.Api.Heartbeats.IsEmpty, "no heartbeat");
        Assert.Equal(mode.Length == 0 ? "SANDBOX_CODE_AND_PROCESS" : mode, worker.Api.Heartbeats.Last().Info.ExecutionMode);
    }

    [Fact]
    public async Task Memory_that_runs_out_ends_the_run_and_not_the_worker()
    {
        await using var worker = await WorkerUnderTest.StartAsync(s_engine, settings: [("Flows:Execution:Mode", "SANDBOX_CODE_AND_PROCESS"), ("Flows:Execution:MemoryMiB", "128")]);
        const string Flow = """
            { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "start", "input": {} },
              "steps": [ { "name": "hog", "kind": "code", "language": "javascript", "input": {}, "source": "export default () => { SOURCE }" } ] }
            """;
        var run = worker.AddFlow(Flow.Replace("SOURCE", "const all = []; for (;;) all.push(new Array(100000).fill(7).map(n => ({ n })));", StringComparison.Ordinal));
        await worker.HandleAsync(run);
        Assert.Equal((RunStatus.Failed, "memory_limit", "hog"), (run.Outcome!.Status, run.Outcome.Error!.Code, run.Outcome.FailedStep));

        var next = worker.AddFlow(Flow.Replace("SOURCE", "return 1;", StringComparison.Ordinal));
        await worker.HandleAsync(next);
        Assert.Equal(RunStatus.Succeeded, next.Outcome!.Status);
    }

    [Fact]
    public async Task A_mode_that_does_not_exist_keeps_the_worker_from_starting()
    {
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => WorkerUnderTest.StartAsync(s_engine, settings: [("Flows:Execution:Mode", "FORTRESS")]));
        Assert.Contains("Flows:Execution:Mode is 'FORTRESS'; it must be one of UNSANDBOXED, SANDBOX_PROCESS", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mode_that_cannot_be_had_is_refused_with_what_is_missing_and_never_taken_down_silently()
    {
        if (OperatingSystem.IsWindows() || !Environment.IsPrivilegedProcess)
            return; // an ordinary user's boxes are his own, and may read what he may
        var engine = HostileEngine.Create();
        var folder = Path.GetDirectoryName(engine)!;
        File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => WorkerUnderTest.StartAsync(engine, settings: ("Flows:Execution:Mode", "SANDBOX_PROCESS")));
        Assert.Contains($"Flows:Execution:Mode is 'SANDBOX_PROCESS', which cannot be had here: the engine's folder '{folder}' cannot be read by others than its owner.", error.Message, StringComparison.Ordinal);

        // Nobody has asked for a mode: then it says what it has come to, and why.
        await using var worker = await WorkerUnderTest.StartAsync(engine, settings: ("Flows:Execution:Mode", ""));
        await ChildProbe.UntilAsync(() => !worker.Api.Heartbeats.IsEmpty, "no heartbeat");
        var info = worker.Api.Heartbeats.Last().Info;
        Assert.Equal(("UNSANDBOXED", $"a sandbox cannot be had: the engine's folder '{folder}' cannot be read by others than its owner"), (info.ExecutionMode, info.ModeReason));
    }
}
