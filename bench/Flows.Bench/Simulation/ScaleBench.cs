using System.Globalization;
using System.Text;

namespace Flows.Bench.Simulation;

/// <summary>
/// <c>./flows bench scale [seconds] [seed]</c>: what gives first at ten times, a hundred times and beyond, with the costs of a run that docs/scaling.md has measured. A simulation: no
/// machine of that size is needed, and none is measured.
/// </summary>
internal static class ScaleBench
{
    /// <summary>The row "three pure steps, async" of docs/scaling.md.</summary>
    internal static readonly RunCost Measured = new(Api: 1.24, Worker: 0.92 + 0.72, Postgres: 1.30, Redis: 0.19);

    private const double Outside = 400;

    // Each load twice: with what the load before it needed, to see what gives first, and with what docs/scaling.md says it needs.
    internal static readonly IReadOnlyList<Topology> Topologies =
    [
        new("now", 10, Outside, ApiCores: 2, Slots: 10, WorkerCores: 2, PostgresCores: 2, SyncMs: 2),
        new("10 ×, as it was", 100, Outside, ApiCores: 2, Slots: 10, WorkerCores: 2, PostgresCores: 2, SyncMs: 2),
        new("10 ×, with 12 workers of 5", 100, Outside, ApiCores: 4, Slots: 60, WorkerCores: 6, PostgresCores: 2, SyncMs: 2),
        new("100 ×, as it was", 1_000, Outside, ApiCores: 4, Slots: 60, WorkerCores: 6, PostgresCores: 2, SyncMs: 2),
        new("100 ×, with 110 workers of 5", 1_000, Outside, ApiCores: 8, Slots: 550, WorkerCores: 40, PostgresCores: 2, SyncMs: 2),
        new("100 ×, and Postgres of 4 cores", 1_000, Outside, ApiCores: 8, Slots: 550, WorkerCores: 40, PostgresCores: 4, SyncMs: 2),
        new("100 ×, on a slow disk", 1_000, Outside, ApiCores: 8, Slots: 550, WorkerCores: 40, PostgresCores: 4, SyncMs: 20),
        new("1,000 ×, one Postgres of 8 cores", 10_000, Outside, ApiCores: 40, Slots: 5_500, WorkerCores: 400, PostgresCores: 8, SyncMs: 2),
        new("1,000 ×, 4 databases of 8 cores", 10_000, Outside, ApiCores: 40, Slots: 5_500, WorkerCores: 400, PostgresCores: 8, SyncMs: 2, Databases: 4),
        new("1,000 ×, 4 databases, 4 shards of Redis", 10_000, Outside, ApiCores: 40, Slots: 5_500, WorkerCores: 400, PostgresCores: 8, SyncMs: 2, Databases: 4, RedisShards: 4),
    ];

    public static Task<int> RunAsync(BenchArguments arguments)
    {
        var seconds = arguments.Number(0, "seconds", otherwise: 30, least: 2, most: 600);
        var seed = (ulong)arguments.Number(1, "seed", otherwise: 1, least: 0, most: int.MaxValue);
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"""
            {seconds} simulated seconds each, of which the second half counts; seed {seed}. A run takes {Measured.Api} ms of an API, {Measured.Worker} of a worker with its engine, {Measured.Postgres} of Postgres and {Measured.Redis} of Redis, and waits {Outside:F0} ms for other
            services. Measured is none of this but those costs.

            | | runs/s offered | done | accept p99 ms | wait p50 ms | wait p99 ms | left over | API | slots | worker cores | Postgres cores | disk of Postgres | Redis |
            |---|---|---|---|---|---|---|---|---|---|---|---|---|
            """);
        foreach (var topology in Topologies)
        {
            var outcome = ScaledSystem.Run(topology, Measured, seconds, seed);
            text.AppendLine(CultureInfo.InvariantCulture,
                $"| {topology.Name} | {topology.RunsPerSecond:N0} | {outcome.DonePerSecond:N0} | {Ms(outcome.AcceptP99)} | {Ms(outcome.WaitP50)} | {Ms(outcome.WaitP99)} | {outcome.LeftOver:N0} | {string.Join(" | ", outcome.Busy.Values.Select(busy => busy.ToString("P0", CultureInfo.InvariantCulture)))} |");
        }
        Console.WriteLine(text);
        Results.Keep(arguments, "scale", text.ToString());
        return Task.FromResult(0);
    }

    private static string Ms(double ms) => double.IsInfinity(ms) ? "never" : ms.ToString(ms < 10 ? "F1" : "N0", CultureInfo.InvariantCulture);
}
