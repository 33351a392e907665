using System.Diagnostics;
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

    /// <param name="arguments">Seconds for each number of callers.</param>
    public static async Task<int> RunAsync(BenchArguments arguments)
    {
        var duration = TimeSpan.FromSeconds(arguments.Number(0, "seconds", otherwise: 10, least: 1, most: 120));
        var target = Target.FromEnvironment();
        Console.WriteLine("| flow | callers | runs/s | p50 ms | p95 ms | p99 ms | max ms | failed |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|");
        foreach (var (name, definition) in new[] { ("3 pure steps", Pure), ("with a code step", Code) })
        {
            var flow = await target.PublishAsync($"bench {name}", definition);
            var first = Stopwatch.StartNew();
            await CallAsync(target, flow);
            var firstMs = first.Elapsed.TotalMilliseconds;
            await LoadAsync(target, flow, callers: 8, TimeSpan.FromSeconds(3));
            foreach (var callers in new[] { 1, 8, 32 })
            {
                var (times, failed, seconds) = await LoadAsync(target, flow, callers, duration);
                times.Sort();
                Console.WriteLine(FormattableString.Invariant(
                    $"| {name} | {callers} | {times.Count / seconds:F0} | {At(times, 0.5):F2} | {At(times, 0.95):F2} | {At(times, 0.99):F2} | {times[^1]:F1} | {failed} |"));
            }
            Console.WriteLine(FormattableString.Invariant($"first call of this flow: {firstMs:F0} ms"));
        }
        return 0;
    }

    internal static double At(List<double> sorted, double quantile) => sorted[Math.Min(sorted.Count - 1, (int)(sorted.Count * quantile))];

    internal static Task<(List<double> Times, int Failed, double Seconds)> LoadAsync(Target target, Guid flow, int callers, TimeSpan duration) =>
        LoadAsync(() => CallAsync(target, flow), callers, duration);

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

    private static async Task<bool> CallAsync(Target target, Guid flow)
    {
        using var body = new StringContent("""{"id":"A-7","n":21}""", Encoding.UTF8, "application/json");
        using var answer = await target.Http.PostAsync($"/webhooks/{flow}/sync", body);
        return answer.StatusCode == System.Net.HttpStatusCode.OK && (await answer.Content.ReadAsByteArrayAsync()).Length > 0;
    }
}
