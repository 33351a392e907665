using System.Diagnostics;
using System.Net;
using System.Text;

namespace Flows.Bench;

/// <summary>
/// The synchronous webhook of a flow with three light steps and no outside call: durable in Postgres, walked by an engine process.
/// Two flows: one whose steps are pure pieces, one with a JavaScript code step.
/// </summary>
internal static class WebhookBench
{
    internal const string Pure = """
        { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
          "steps": [
            { "name": "a", "kind": "action", "piece": "data", "action": "set", "input": { "value": { "id": "{{trigger.body.id}}", "n": "{{trigger.body.n * 2}}" } } },
            { "name": "b", "kind": "action", "piece": "data", "action": "set", "input": { "value": { "text": "order {{a.id}}", "big": "{{a.n > 10}}" } } },
            { "name": "answer", "kind": "respond", "body": { "a": "{{a}}", "b": "{{b}}" } } ] }
        """;

    private const string Code = """
        { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
          "steps": [
            { "name": "a", "kind": "action", "piece": "data", "action": "set", "input": { "value": { "n": "{{trigger.body.n * 2}}" } } },
            { "name": "b", "kind": "code", "language": "javascript", "input": { "n": "{{a.n}}" }, "source": "export default ({ n }) => ({ n, square: n * n });" },
            { "name": "answer", "kind": "respond", "body": "{{b}}" } ] }
        """;

    /// <summary>What to reach: runs a second by many callers, and milliseconds of the 99th percentile by few.</summary>
    private const double LeastRate = 500, MostMsAlone = 10, MostMsOfEight = 25, MostMsOfAccept = 5;

    // Until the API and the workers are compiled: a platform that has just started is another bench (newworker).
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(30);

    /// <summary>The answers first, then the accept alone: one caller that does not wait for its runs.</summary>
    /// <param name="arguments">Seconds for each number of callers.</param>
    public static async Task<int> RunAsync(BenchArguments arguments)
    {
        var duration = TimeSpan.FromSeconds(arguments.Number(0, "seconds", otherwise: 10, least: 1, most: 120));
        var target = Target.FromEnvironment();
        var report = new StringBuilder();
        void Say(string line)
        {
            Console.WriteLine(line);
            report.AppendLine(line);
        }

        var disk = DiskWrites.Measure();
        Say("| flow | callers | runs/s | p50 ms | p95 ms | p99 ms | max ms | failed | to reach |");
        Say("|---|---|---|---|---|---|---|---|---|");
        var firsts = new List<string>();
        var pure = Guid.Empty;
        foreach (var (name, definition) in new[] { ("3 pure steps", Pure), ("with a code step", Code) })
        {
            var flow = await target.PublishAsync($"bench {name}", definition);
            var first = Stopwatch.StartNew();
            await CallAsync(target, flow, sync: true);
            firsts.Add(FormattableString.Invariant($"{first.Elapsed.TotalMilliseconds:F0} ms ({name})"));
            pure = pure == Guid.Empty ? flow : pure;
            await LoadAsync(target, flow, callers: 8, flow == pure ? s_warmUp : TimeSpan.FromSeconds(3));
            foreach (var callers in new[] { 1, 8, 32 })
            {
                var goal = (flow == pure, callers) switch
                {
                    (true, 1) => FormattableString.Invariant($"p99 ≤ {MostMsAlone}"),
                    (true, 8) => FormattableString.Invariant($"p99 ≤ {MostMsOfEight}"),
                    (true, _) => FormattableString.Invariant($"≥ {LeastRate} runs/s"),
                    _ => "",
                };
                Say(Row(name, callers, await LoadAsync(target, flow, callers, duration), goal));
            }
        }
        await LoadAsync(target, pure, callers: 1, TimeSpan.FromSeconds(3), sync: false);
        Say(Row("accepted only (async)", 1, await LoadAsync(target, pure, callers: 1, duration, sync: false), FormattableString.Invariant($"p99 ≤ {MostMsOfAccept}")));
        Say(FormattableString.Invariant($"\nFirst call of a flow: {string.Join(", ", firsts)}. The workers do the accepted runs meanwhile, on the same cores."));
        Say($"{disk} An acceptance waits for one, a run whose caller waits for two.");
        Results.Keep(arguments, "webhook", report.ToString());
        return 0;
    }

    private static string Row(string name, int callers, (List<double> Times, int Failed, double Seconds) load, string goal)
    {
        load.Times.Sort();
        return FormattableString.Invariant(
            $"| {name} | {callers} | {load.Times.Count / load.Seconds:F0} | {At(load.Times, 0.5):F2} | {At(load.Times, 0.95):F2} | {At(load.Times, 0.99):F2} | {load.Times[^1]:F1} | {load.Failed} | {goal} |");
    }

    internal static double At(List<double> sorted, double quantile) => sorted[Math.Min(sorted.Count - 1, (int)(sorted.Count * quantile))];

    internal static Task<(List<double> Times, int Failed, double Seconds)> LoadAsync(Target target, Guid flow, int callers, TimeSpan duration, bool sync = true) =>
        LoadAsync(() => CallAsync(target, flow, sync), callers, duration);

    /// <summary>Calls one after the other by each caller until the time is over. The times are those of calls that were answered as they should be, in milliseconds.</summary>
    internal static async Task<(List<double> Times, int Failed, double Seconds)> LoadAsync(Func<Task<bool>> call, int callers, TimeSpan duration)
    {
        var clock = Stopwatch.StartNew();
        var failed = 0;
        var all = await Task.WhenAll(Enumerable.Range(0, callers).Select(async _ =>
        {
            var times = new List<double>();
            while (clock.Elapsed < duration)
            {
                var start = Stopwatch.GetTimestamp();
                if (await call())
                    times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                else
                    Interlocked.Increment(ref failed);
            }
            return times;
        }));
        var merged = all.SelectMany(times => times).ToList();
        if (merged.Count == 0)
            throw new InvalidOperationException($"No call of {callers} callers succeeded in {duration}; {failed} failed.");
        return (merged, failed, clock.Elapsed.TotalSeconds);
    }

    /// <param name="sync">False: the call is answered when the run is accepted.</param>
    private static async Task<bool> CallAsync(Target target, Guid flow, bool sync)
    {
        using var body = new StringContent("""{"id":"A-7","n":21}""", Encoding.UTF8, "application/json");
        using var answer = await target.Http.PostAsync(sync ? $"/webhooks/{flow}/sync" : $"/webhooks/{flow}", body);
        return answer.StatusCode == (sync ? HttpStatusCode.OK : HttpStatusCode.Accepted) && (await answer.Content.ReadAsByteArrayAsync()).Length > 0;
    }
}
