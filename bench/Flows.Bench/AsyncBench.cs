using System.Diagnostics;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace Flows.Bench;

/// <summary>Runs that nobody waits for: 16 callers have them accepted for a while, then the workers go on until nothing is left. The rate counts both.</summary>
internal static class AsyncBench
{
    private const int Callers = 16;

    private const string Definition = """
        { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
          "steps": [
            { "name": "a", "kind": "action", "piece": "data", "action": "set", "input": { "value": { "n": "{{trigger.body.n * 2}}" } } },
            { "name": "b", "kind": "action", "piece": "data", "action": "set", "input": { "value": { "big": "{{a.n > 10}}" } } },
            { "name": "c", "kind": "action", "piece": "data", "action": "set", "input": { "value": { "text": "order {{a.n}}" } } } ] }
        """;

    /// <summary>The synchronous webhook first, then this.</summary>
    /// <param name="arguments">Seconds for each measurement.</param>
    public static async Task<int> RunAsync(BenchArguments arguments)
    {
        await WebhookBench.RunAsync(arguments);
        await RunAsync(Target.FromEnvironment(), TimeSpan.FromSeconds(arguments.Number(0, "seconds", otherwise: 10, least: 1, most: 120)));
        return 0;
    }

    /// <exception cref="InvalidOperationException">A call was refused, or the runs were not done ten times later than they were accepted.</exception>
    private static async Task RunAsync(Target target, TimeSpan duration)
    {
        var flow = await target.PublishAsync("bench async", Definition);
        await AcceptAsync(target, flow, TimeSpan.FromSeconds(2));
        await DrainAsync(target, duration * 10);

        var clock = Stopwatch.StartNew();
        var accepted = await AcceptAsync(target, flow, duration);
        var acceptSeconds = clock.Elapsed.TotalSeconds;
        await DrainAsync(target, duration * 10);
        var seconds = clock.Elapsed.TotalSeconds;
        Console.WriteLine(FormattableString.Invariant(
            $"Async, 3 pure steps, {Callers} callers: {accepted} runs accepted at {accepted / acceptSeconds:F0}/s; accepted and executed at {accepted / seconds:F0}/s."));
    }

    private static async Task<int> AcceptAsync(Target target, Guid flow, TimeSpan duration)
    {
        var clock = Stopwatch.StartNew();
        var accepted = 0;
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(async _ =>
        {
            while (clock.Elapsed < duration)
            {
                using var body = new StringContent("""{"n":21}""", Encoding.UTF8, "application/json");
                using var answer = await target.Http.PostAsync($"/webhooks/{flow}", body);
                if (!answer.IsSuccessStatusCode)
                    throw new InvalidOperationException($"A run was refused with {(int)answer.StatusCode}.");
                Interlocked.Increment(ref accepted);
            }
        }));
        return accepted;
    }

    /// <summary>Until the queue has been seen empty twice: between two of its jobs it may look so once.</summary>
    private static async Task DrainAsync(Target target, TimeSpan limit)
    {
        var clock = Stopwatch.StartNew();
        for (var empty = 0; empty < 2;)
        {
            if (clock.Elapsed > limit)
                throw new InvalidOperationException($"The queue was not empty after {limit}.");
            await Task.Delay(20);
            var now = await target.Http.GetFromJsonAsync<JsonElement>("/api/v1/system/queue");
            var left = now.GetProperty("depth").GetInt64() + now.GetProperty("active").GetInt64() + now.GetProperty("delayed").GetInt64();
            empty = left == 0 ? empty + 1 : 0;
        }
    }
}
