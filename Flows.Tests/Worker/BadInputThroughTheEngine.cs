using Flows.Contracts.Runs;

namespace Flows.Tests.Worker;

/// <summary>Input that would take time or memory without end, through the engine that is delivered: each ends with the step and the limit, and the worker goes on.</summary>
public sealed class BadInputThroughTheEngine
{
    private static readonly string s_engine = Path.Combine(AppContext.BaseDirectory, "Flows.Engine");

    private const string LargeLoop = """{ "name": "bad", "kind": "loop", "items": "{{range(0, 1000).flatMap(x => range(0, 1000))}}", "steps": [] }""";
    private const string LargeItems = """{ "name": "bad", "kind": "loop", "items": "{{code}}", "steps": [] }""";
    private const string ManyItems = """{ "name": "code", "kind": "code", "language": "javascript", "source": "export default () => Array.from({ length: 150000 }, (_, i) => 0);" }""";
    private const string LargeOutput = """{ "name": "bad", "kind": "code", "language": "javascript", "source": "export default () => 'x'.repeat(30 * 1024 * 1024);" }""";
    private const string Backtracking = """{ "name": "bad", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{test(repeat('a', 60) + '!', '^(?=a)(a+)+$')}}" } }""";
    private const string PiecePattern = """{ "name": "bad", "kind": "action", "piece": "text", "action": "extract_pattern", "input": { "text": "{{repeat('a', 60)}}!", "pattern": "^(?=a)(a|aa)+$" } }""";
    private const string EndlessCode = """{ "name": "bad", "kind": "code", "language": "javascript", "timeout": "00:00:01", "source": "export default () => { for (;;); };" }""";
    private const string BacktrackingCode = """{ "name": "bad", "kind": "code", "language": "javascript", "timeout": "00:00:01", "source": "export default () => /^(a+)+$/.test('a'.repeat(60) + '!');" }""";
    private const string DeeperResult = """{ "name": "bad", "kind": "code", "language": "javascript", "source": "export default () => { let deep = 1; for (let i = 0; i < 100000; i++) deep = [deep]; return deep; };" }""";
    private const string GrowingText = """{ "name": "bad", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{range(60).reduce((a, b) => a + a, padStart('x', 100000))}}" } }""";
    private const string LongError = """{ "name": "bad", "kind": "code", "language": "javascript", "source": "export default () => { throw new Error('x'.repeat(20 * 1024 * 1024)); }" }""";
    private const string DeepJson = """{ "name": "bad", "kind": "action", "piece": "json", "action": "parse", "input": { "text": "{{repeat('[', 100000)}}" } }""";
    private const string DeepResult = """{ "name": "bad", "kind": "code", "language": "javascript", "source": "export default () => { let deep = 1; for (let i = 0; i < 5000; i++) deep = [deep]; return deep; };" }""";

    [Theory]
    [InlineData("limit", "", LargeLoop)]
    [InlineData("limit", "100000", ManyItems, LargeItems)]
    [InlineData("limit", "Flows__Limits__PayloadMiB", LargeOutput)]
    [InlineData("limit", "(limit: pattern time)", Backtracking)]
    [InlineData("limit", "(limit: pattern time)", PiecePattern)]
    [InlineData("timeout", "", EndlessCode)]
    [InlineData("timeout", "", BacktrackingCode)]
    [InlineData("limit", "(limit: depth)", DeeperResult)]
    [InlineData("limit", "(limit: text length)", GrowingText)]
    [InlineData("limit", "(limit: depth)", DeepJson)]
    [InlineData("limit", "(limit: depth)", DeepResult)]
    [InlineData("code_error", "xxxx…", LongError)]
    public async Task Ends_with_a_failure_that_names_the_step_in_bounded_time(string code, string named, params string[] steps)
    {
        await using var worker = await WorkerUnderTest.StartAsync(s_engine);

        var run = worker.AddFlow(Flow(string.Join(", ", steps)));
        await worker.HandleAsync(run);

        Assert.Equal((RunStatus.Failed, "bad"), (run.Outcome!.Status, run.Outcome.FailedStep));
        var error = run.Outcome.Error!;
        Assert.True(code.Length == 0 || error.Code == code, $"{error.Code}: {error.Message}");
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.NotEqual("internal", error.Code);
        Assert.InRange(error.Message.Length, 1, 4_100);

        // The same worker and, where it lives, the same engine.
        var next = worker.AddFlow(Flow("""{ "name": "good", "kind": "action", "piece": "data", "action": "set", "input": { "value": 42 } }"""));
        await worker.HandleAsync(next);
        Assert.Equal("42", next.Outcome!.Output?.ToString());
    }

    private static string Flow(string steps) =>
        $$"""{ "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} }, "steps": [ {{steps}} ] }""";
}
