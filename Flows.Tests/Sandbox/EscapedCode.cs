using System.Text.Json;
using Flows.Contracts.Runs;
using Flows.Tests.Worker;

namespace Flows.Tests.Sandbox;

/// <summary>Code steps that have got out of their context and hold the Node.js process itself: what the box is for.</summary>
internal static class EscapedCode
{
    public static string Engine { get; } = Path.Combine(AppContext.BaseDirectory, "Flows.Engine");

    /// <summary>A flow of one code step. In <paramref name="body"/>, <c>process</c>, <c>fs</c> and <c>sh(command)</c> are the machine's, not the step's.</summary>
    public static string Flow(string body) => $$"""
        { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "start", "input": {} },
          "steps": [ { "name": "code", "kind": "code", "language": "javascript", "input": {}, "source": {{JsonSerializer.Serialize($$"""
            const process = console.log.constructor('return process')();
            const fs = process.getBuiltinModule('fs');
            const sh = (command) => { const done = process.getBuiltinModule('child_process').spawnSync('/bin/sh', ['-c', 'exec 2>&1; ' + command]); return String(done.stdout) + (done.error ? done.error.code : ''); };
            export default async () => { {{body}} };
            """)}} },
            { "name": "answer", "kind": "respond", "body": "{{Code}}" } ] }
        """;

    private const string Code = "{{code}}";

    /// <summary>What the code returned.</summary>
    public static async Task<JsonElement> RunAsync(WorkerUnderTest worker, string body, Guid? project = null)
    {
        var run = worker.AddFlow(Flow(body), project);
        await worker.HandleAsync(run);
        Assert.True(run.Outcome!.Status == RunStatus.Succeeded, run.Outcome.Error?.Message);
        return run.Response!.Body.ToElement();
    }
}
