using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Npgsql;

namespace Flows.Bench.Hosted;

/// <summary>
/// <c>./flows bench durability [runs a second] [seconds]</c>: what it costs that a step must not be repeated, alone and among many, and whether runs at a
/// steady rate are done as fast as they come. A durable step is code declared <c>effect</c>; its cost is the time over the same code declared <c>pure</c>:
/// the intent on disk before it, and its result behind it. Ends with 1 when a goal is missed.
/// </summary>
internal static class DurabilityBench
{
    private const double MostMsAlone = 2;
    private const double MostMsShared = 0.3;
    private const int Steps = 40;
    private const int RunsAlone = 15;
    private const int RunsTogether = 64;
    private const int RoundsTogether = 8;
    private const int Workers = 2;
    private const int Slots = 8;

    public static async Task<int> RunAsync(BenchArguments arguments)
    {
        var rate = arguments.Number(0, "runs a second", otherwise: 500, least: 1, most: 5_000);
        var seconds = arguments.Number(1, "seconds", otherwise: 60, least: 5, most: 3_600);
        await using var platform = await LocalPlatform.StartAsync(Workers, $"--Flows:Worker:Concurrency={Slots}");
        var pure = await platform.Target.PublishAsync("pure steps", Definition("pure"));
        var durable = await platform.Target.PublishAsync("durable steps", Definition("effect"));

        var disk = DiskWrites.Measure();
        var alone = await AloneAsync(platform, pure, durable);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"alone: {alone:F2} ms a durable step"));
        var shared = await TogetherAsync(platform, pure, durable);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"among {Workers * Slots} runs at a time: {shared:F3} ms a durable step"));
        var load = await SteadyLoad.RunAsync(platform, rate, TimeSpan.FromSeconds(seconds));

        var report = string.Create(CultureInfo.InvariantCulture, $"""
            | one durable step | ms | goal |
            | --- | --- | --- |
            | alone | {alone:F2} | {MostMsAlone} |
            | among {Workers * Slots} runs at a time | {shared:F3} | {MostMsShared} |

            Time of {Steps} code steps declared effect over that of the same declared pure: the median of {RunsAlone} runs one by one, and the median of {RoundsTogether} pairs of {RunsTogether} runs together.
            {disk} A step alone waits for one such write.

            {load.ToMarkdown()}
            """);
        Console.WriteLine(report);
        Results.Keep(arguments, "durability", report);
        return alone <= MostMsAlone && shared <= MostMsShared && load.KeepsUp ? 0 : 1;
    }

    private static string Definition(string effect)
    {
        var steps = Enumerable.Range(1, Steps).Select(i =>
            $$"""{ "name": "s{{i}}", "kind": "code", "language": "javascript", "effect": "{{effect}}", "input": {}, "source": "export default () => 1;" }""");
        return $$"""{ "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} }, "steps": [ {{string.Join(", ", steps)}} ] }""";
    }

    // In turns, so that whatever else the machine does meets both.
    private static async Task<double> AloneAsync(LocalPlatform platform, Guid pure, Guid durable)
    {
        await TimesAsync(platform, [await OneAsync(platform, pure), await OneAsync(platform, durable)]); // engines and code processes are warm now
        var (without, with) = (new List<Guid>(), new List<Guid>());
        for (var i = 0; i < RunsAlone; i++)
        {
            without.Add(await OneAsync(platform, pure));
            with.Add(await OneAsync(platform, durable));
        }
        return (Median(await TimesAsync(platform, with)) - Median(await TimesAsync(platform, without))) / Steps;
    }

    private static async Task<double> TogetherAsync(LocalPlatform platform, Guid pure, Guid durable)
    {
        await SpanAsync(platform, pure, Workers * Slots);
        List<double> costs = [];
        for (var round = 0; round < RoundsTogether; round++)
        {
            var first = await SpanAsync(platform, round % 2 == 0 ? pure : durable, RunsTogether);
            var second = await SpanAsync(platform, round % 2 == 0 ? durable : pure, RunsTogether);
            costs.Add((round % 2 == 0 ? second - first : first - second) / (RunsTogether * Steps));
        }
        return Median(costs);
    }

    private static async Task<Guid> OneAsync(LocalPlatform platform, Guid flow)
    {
        using var body = new StringContent("{}", Encoding.UTF8, "application/json");
        using var answer = await platform.Target.Http.PostAsync($"/api/v1/flows/{flow}/runs?wait=30", body);
        answer.EnsureSuccessStatusCode();
        var run = await answer.Content.ReadFromJsonAsync<JsonElement>();
        if (run.GetProperty("status").GetString() is not "Succeeded" and var status)
            throw new BenchException($"a run of {Steps} steps is {status} after 30 s.");
        return run.GetProperty("id").GetGuid();
    }

    /// <summary>From the first claim to the last end, in milliseconds.</summary>
    private static async Task<double> SpanAsync(LocalPlatform platform, Guid flow, int runs)
    {
        var ids = await Task.WhenAll(Enumerable.Range(0, runs).Select(async _ =>
        {
            using var answer = await platform.Target.Http.PostAsync($"/api/v1/flows/{flow}/runs", content: null);
            answer.EnsureSuccessStatusCode();
            return (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetGuid();
        }));
        await FailoverBench.UntilAsync("everything is over", () => FailoverBench.CountAsync(platform, "SELECT count(*) FROM runs WHERE status < 4"), count => count == 0);
        await using var command = platform.Database.CreateCommand("SELECT extract(epoch FROM max(finished_at) - min(claimed_at))::float8 * 1000 FROM runs WHERE id = ANY($1)");
        command.Parameters.Add(new NpgsqlParameter { Value = ids });
        return (double)(await command.ExecuteScalarAsync())!;
    }

    private static async Task<List<double>> TimesAsync(LocalPlatform platform, List<Guid> runs)
    {
        await using var command = platform.Database.CreateCommand("SELECT extract(epoch FROM finished_at - claimed_at)::float8 * 1000 FROM runs WHERE id = ANY($1)");
        command.Parameters.Add(new NpgsqlParameter { Value = runs.ToArray() });
        var times = new List<double>();
        await using var row = await command.ExecuteReaderAsync();
        while (await row.ReadAsync())
            times.Add(row.GetDouble(0));
        return times;
    }

    private static double Median(List<double> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }
}
