using System.Diagnostics;
using System.Text;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Network;
using Flows.Contracts.Runs;
using Flows.Engine.CommandLine;
using Flows.Engine.Expressions;
using Flows.Engine.Pieces;
using Flows.Engine.Steps;

namespace Flows.Bench;

/// <summary>
/// What the engine itself takes, without worker, API and database: the median of several rounds on a warm runtime. The figures to reach stand beside them.
/// </summary>
internal static class EngineBench
{
    private const int Rounds = 9;

    /// <returns>1 when a median is above what is to be reached.</returns>
    public static async Task<int> RunAsync(BenchArguments arguments)
    {
        var (report, slow) = (new StringBuilder($"{Rounds} rounds each; median, best and worst round. No worker, API and database takes part.\n\n"), false);
        void Say(string line)
        {
            Console.WriteLine(line);
            report.AppendLine(line);
        }
        void Measured(string what, string unit, double goal, List<double> taken)
        {
            taken.Sort();
            slow |= taken[taken.Count / 2] > goal;
            Say(FormattableString.Invariant($"| {what} | {taken[taken.Count / 2]:0.000} {unit} | {taken[0]:0.000} {unit} | {taken[^1]:0.000} {unit} | ≤ {goal} {unit} |"));
        }

        Say("| what | median | best | worst | to reach |");
        Say("|---|---|---|---|---|");
        Measured("{{a.b[0].c}}, one evaluation", "ns", 300, Expression(times: 200_000));
        Measured("10 pure steps, one run", "ms", 1, await FlowAsync(TenSteps(), warm: 1000, times: 500));
        Measured("parallel loop of 1,000 light items, one run", "ms", 200, await FlowAsync(ParallelLoop, warm: 20, times: 10));
        Measured("one JavaScript code step, one run", "ms", 3, await FlowAsync(Code, warm: 50, times: 100));
        Results.Keep(arguments, "engine", report.ToString());
        return slow ? 1 : 0;
    }

    private static string TenSteps() => $"[{string.Join(',', Enumerable.Range(0, 10).Select(i => i == 0
        ? """{ "name": "s0", "kind": "action", "piece": "data", "action": "set", "input": { "value": { "n": "{{trigger.n + 1}}" } } }"""
        : $$$"""{ "name": "s{{{i}}}", "kind": "action", "piece": "data", "action": "set", "input": { "value": { "n": "{{s{{{i - 1}}}.n + 1}}", "text": "step {{s{{{i - 1}}}.n}}" } } }"""))}]";

    private const string ParallelLoop = """
        [{ "name": "each", "kind": "loop", "items": "{{range(0, 1000)}}", "parallel": 16, "steps": [
           { "name": "s", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{each.item * 2}}" } } ] }]
        """;

    private const string Code = """[{ "name": "code", "kind": "code", "language": "javascript", "input": { "n": "{{trigger.n}}" }, "source": "export default ({ n }) => n * 2;" }]""";

    private static List<double> Expression(int times)
    {
        var text = CompiledText.Of("{{a.b[0].c}}", field: null);
        var scope = new OneName(Value.FromJson(RawJson.Parse("""{ "b": [ { "c": 42 } ], "d": "text" }""")));
        var context = new EvaluationContext(TimeProvider.System, "bench");
        return Measure(() =>
        {
            for (var i = 0; i < times; i++)
            {
                context.Begin();
                text.Evaluate(scope, context, field: null);
            }
        }, Stopwatch.Frequency / 1e9 * times);
    }

    private static async Task<List<double>> FlowAsync(string steps, int warm, int times)
    {
        using var files = new LocalCalls(folder: null);
        await using var host = new BenchHost(files);
        using var http = new OutboundHttp(new GuardedNetwork(new NetworkSettings(NetworkPolicy.Unrestricted)));
        var walk = new RunWalk(PieceCatalog.All, http, TimeProvider.System);
        var start = new StartRun(
            Guid.CreateVersion7(), 1, Guid.CreateVersion7(), "bench", Guid.CreateVersion7(), RunEnvironment.Production,
            RawJson.Parse($$"""{ "schema": 1, "trigger": { "piece": "manual", "event": "run" }, "steps": {{steps}} }"""), RawJson.Parse("""{ "n": 1 }"""),
            [], new Dictionary<string, RawJson>(), new Dictionary<string, RawJson>(), EngineLimits.Default);
        for (var i = 0; i < warm; i++)
        {
            var outcome = await walk.WalkAsync(start, host, CancellationToken.None);
            if (outcome.Status != RunStatus.Succeeded)
                throw new InvalidOperationException($"The run failed: {outcome.Error?.Message}");
        }
        var taken = new List<double>();
        for (var round = 0; round < Rounds; round++)
        {
            var began = Stopwatch.GetTimestamp();
            for (var i = 0; i < times; i++)
                await walk.WalkAsync(start, host, CancellationToken.None);
            taken.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds / times);
        }
        return taken;
    }

    private static List<double> Measure(Action round, double divisor)
    {
        var taken = new List<double>();
        for (var i = 0; i < 3 + Rounds; i++)
        {
            var began = Stopwatch.GetTimestamp();
            round();
            if (i >= 3)
                taken.Add((Stopwatch.GetTimestamp() - began) / divisor);
        }
        return taken;
    }

    private sealed class OneName(Value a) : Scope
    {
        public override bool TryGet(string name, out Value value)
        {
            value = a;
            return name == "a";
        }

        public override IEnumerable<string> Names => ["a"];
    }

    /// <summary>Runs code as the command line does, and keeps no journal.</summary>
    private sealed class BenchHost(LocalCalls calls) : IRunHost, IAsyncDisposable
    {
        private readonly CommandLineHost _code = new(TextWriter.Null, calls);

        public ValueTask JournalAsync(JournalLines lines) => default;
        public Task DurableAsync(long sequence, CancellationToken cancel) => Task.CompletedTask;
        public ValueTask RespondAsync(RunResponse response) => default;
        public Task<CodeCompleted> RunCodeAsync(CodeRequested request, CancellationToken cancel) => _code.RunCodeAsync(request, cancel);
        public ValueTask DisposeAsync() => _code.DisposeAsync();
    }
}
