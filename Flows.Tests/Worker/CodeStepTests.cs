using System.Text.Json;
using Flows.Contracts.Runs;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Flows.Tests.Worker;

public sealed class CodeStepTests
{
    private static System.Text.Json.JsonElement AnswerOf(FakeRun run) => run.Outcome!.Output!.Value.ToElement().GetProperty("code");

    [Fact]
    public async Task Code_runs_in_a_process_of_its_own_without_the_workers_environment()
    {
        await using var worker = await WorkerUnderTest.StartAsync();

        var run = await worker.RunAsync("""{"code":"return { pid: process.pid, env: Object.keys(process.env), sum: input.a + 1 }","input":{"a":41}}""");

        var output = AnswerOf(run).GetProperty("output");
        Assert.Equal(42, output.GetProperty("sum").GetInt32());
        Assert.NotEqual(run.Outcome!.Output!.Value.ToElement().GetProperty("pid").GetInt32(), output.GetProperty("pid").GetInt32());
        Assert.DoesNotContain(output.GetProperty("env").EnumerateArray(), name => name.GetString()!.StartsWith("Flows", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task A_project_keeps_its_code_process_and_shares_it_with_no_other()
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        const string script = """{"code":"return process.pid"}""";
        var other = Guid.CreateVersion7();

        var first = AnswerOf(await worker.RunAsync(script)).GetProperty("output").GetInt32();
        var again = AnswerOf(await worker.RunAsync(script)).GetProperty("output").GetInt32();
        var others = AnswerOf(await worker.RunAsync(script, other)).GetProperty("output").GetInt32();

        Assert.Equal(first, again);
        Assert.NotEqual(first, others);
    }

    [Fact]
    public async Task Endless_code_is_killed_after_its_time_and_the_run_goes_on()
    {
        await using var worker = await WorkerUnderTest.StartAsync();

        var run = await worker.RunAsync("""{"code":"for (;;);","timeoutMs":500}""");

        Assert.Equal(RunStatus.Succeeded, run.Outcome!.Status);
        Assert.Equal("timeout", AnswerOf(run).GetProperty("error").GetProperty("code").GetString());
        Assert.Equal(42, AnswerOf(await worker.RunAsync("""{"code":"return 42"}""")).GetProperty("output").GetInt32());
    }

    [Theory]
    [InlineData("process.exit(9)", "code_crashed")]
    [InlineData("throw new Error('no')", "code_error")]
    [InlineData("const all = []; for (;;) all.push(new Array(1000000).fill(all.length))", "memory_limit")]
    public async Task Code_that_fails_is_an_error_of_its_step(string source, string code)
    {
        await using var worker = await WorkerUnderTest.StartAsync(settings: ("Flows:Execution:MemoryMiB", "64"));

        var run = await worker.RunAsync($$"""{"code":"{{source}}"}""");

        Assert.Equal(code, AnswerOf(run).GetProperty("error").GetProperty("code").GetString());
    }

    [Fact]
    public async Task A_run_that_times_out_takes_its_code_with_it()
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        var pid = Path.Combine(Path.GetTempPath(), $"flows-code-{Guid.CreateVersion7():N}");

        var run = await worker.RunAsync(
            $$"""{"code":"process.getBuiltinModule('fs').writeFileSync('{{pid}}', String(process.pid)); for (;;);","timeoutMs":60000}""", activeMs: 1_500);

        Assert.Equal(RunStatus.TimedOut, run.Outcome!.Status);
        Assert.Equal("code", run.Outcome.FailedStep);
        await ChildProbe.GoneAsync(int.Parse(File.ReadAllText(pid), System.Globalization.CultureInfo.InvariantCulture));
        File.Delete(pid);
    }

    [Fact]
    public async Task Without_node_code_steps_say_so_and_health_is_degraded()
    {
        await using var worker = await WorkerUnderTest.StartAsync(settings: ("Flows:Execution:Node", "no-such-node"));

        var run = await worker.RunAsync("""{"code":"return 1"}""");

        var error = AnswerOf(run).GetProperty("error");
        Assert.Equal("code_unavailable", error.GetProperty("code").GetString());
        Assert.Contains("Node.js 20", error.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal(HealthStatus.Degraded, (await worker.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Status);
    }

    [Fact]
    public async Task An_old_node_is_as_good_as_none()
    {
        var old = ScriptedEngine.CreateProgram("#!/bin/sh\necho v18.20.1\n");
        JsonElement error;
        await using (var worker = await WorkerUnderTest.StartAsync(settings: ("Flows:Execution:Node", old)))
            error = AnswerOf(await worker.RunAsync("""{"code":"return 1"}""")).GetProperty("error");
        ScriptedEngine.Delete(old);

        Assert.Equal("code_unavailable", error.GetProperty("code").GetString());
        Assert.Contains("v18.20.1", error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }
}
