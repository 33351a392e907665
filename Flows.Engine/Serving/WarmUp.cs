using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Engine.Pieces;
using Flows.Engine.Steps;

namespace Flows.Engine.Serving;

/// <summary>
/// Walks a small flow before the worker is told that this engine is ready, so that the runtime has compiled the way through it by the
/// time a caller waits. Workers start engines ahead of their use, so nobody waits for this. It has no effect and touches no network.
/// </summary>
internal static class WarmUp
{
    private const int Rounds = 3;

    private const string Flow = """
        { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
          "steps": [
            { "name": "a", "kind": "action", "piece": "data", "action": "set", "input": { "value": { "id": "{{trigger.body.id}}", "n": "{{trigger.body.n * 2 + 1}}" } } },
            { "name": "c", "kind": "code", "language": "javascript", "input": { "n": "{{a.n}}" }, "source": "export default () => 1;" },
            { "name": "r", "kind": "router", "mode": "first", "branches": [
              { "name": "Yes", "when": "{{a.n > 10 && a.id == 'A'}}", "steps": [] },
              { "name": "Otherwise", "otherwise": true, "steps": [] } ] },
            { "name": "each", "kind": "loop", "items": "{{[1, 2].map(x => x * a.n)}}", "parallel": 2, "steps": [
              { "name": "b", "kind": "action", "piece": "data", "action": "set", "input": { "value": "item {{each.item}} of {{upper(a.id)}}" } } ] },
            { "name": "answer", "kind": "respond", "status": 200, "headers": { "x-id": "{{a.id}}" }, "body": { "a": "{{a}}", "each": "{{each.results}}" } } ] }
        """;

    /// <summary>The same work as a run's, from the frame that starts it to the frame that ends it, with nobody at the other end.</summary>
    public static async Task RunAsync(OutboundHttp http)
    {
        var walk = new RunWalk(PieceCatalog.All, http, TimeProvider.System);
        using var nobody = new Nobody();
        var start = new StartRun(
            Guid.CreateVersion7(), 1, Guid.CreateVersion7(), "Warm-up", Guid.CreateVersion7(), RunEnvironment.Test, RawJson.Parse(Flow),
            RawJson.Parse("""{ "method": "POST", "headers": {}, "query": {}, "body": { "id": "A", "n": 21 } }"""),
            [], new Dictionary<string, RawJson>(), new Dictionary<string, RawJson>(), EngineLimits.Default);
        var frame = JsonSerializer.SerializeToUtf8Bytes(start, EngineJson.Default.StartRun);
        for (var round = 0; round < Rounds; round++)
        {
            var outcome = await walk.WalkAsync(new Frame(FrameType.Start, frame).Read(EngineJson.Default.StartRun), nobody, CancellationToken.None);
            await nobody.FinishAsync(new RunFinished(start.RunId, outcome));
        }
    }

    private sealed class Nobody : IRunHost, IDisposable
    {
        private readonly FrameWriter _writer = new(Stream.Null);

        public ValueTask JournalAsync(JournalLines lines) => _writer.WriteAsync(FrameType.Journal, lines, EngineJson.Default.JournalLines, default);
        public Task DurableAsync(long sequence, CancellationToken cancel) => Task.CompletedTask;
        public ValueTask RespondAsync(RunResponse response) => _writer.WriteAsync(FrameType.Respond, response, EngineJson.Default.RunResponse, default);

        public async Task<CodeCompleted> RunCodeAsync(CodeRequested request, CancellationToken cancel)
        {
            await _writer.WriteAsync(FrameType.CodeRequested, request, EngineJson.Default.CodeRequested, cancel);
            return new CodeCompleted(request.CallId, RawJson.Parse("1"), Error: null, Logs: null);
        }

        public ValueTask FinishAsync(RunFinished finished) => _writer.WriteAsync(FrameType.Finished, finished, EngineJson.Default.RunFinished, default);

        public void Dispose() => _writer.Dispose();
    }
}
