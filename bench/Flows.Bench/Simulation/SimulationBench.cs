using System.Diagnostics;
using System.Globalization;

namespace Flows.Bench.Simulation;

/// <summary>What a number of interleavings came to.</summary>
/// <param name="Violation">The first one, with the seed that makes it again; null for none.</param>
internal sealed record SimulationOutcome(long Interleavings, long Events, IReadOnlyDictionary<string, long> Ends, string? Violation);

/// <summary><c>./flows bench simulation [interleavings] [seed]</c>: the protocol between API and workers, in every order that chance comes upon.</summary>
internal static class SimulationBench
{
    public static Task<int> RunAsync(BenchArguments arguments)
    {
        var count = arguments.Number(0, "interleavings", otherwise: 1_000_000, least: 1, most: 1_000_000_000);
        var seed = arguments.Number(1, "seed", otherwise: 1, least: 0, most: int.MaxValue);
        var since = Stopwatch.GetTimestamp();
        var outcome = Run(count, (ulong)seed, Fault.None);
        var took = Stopwatch.GetElapsedTime(since);
        var report = string.Create(CultureInfo.InvariantCulture, $"""
            | | |
            | --- | --- |
            | seed | {seed} |
            | interleavings | {outcome.Interleavings:N0} |
            | events | {outcome.Events:N0} |
            | ends | {string.Join(", ", outcome.Ends.Select(end => $"{end.Key} {end.Value:N0}"))} |
            | took | {took.TotalSeconds:F1} s |
            | violation | {outcome.Violation ?? "none"} |
            """);
        Console.WriteLine(report);
        Results.Keep(arguments, "simulation", report);
        return Task.FromResult(outcome.Violation is null ? 0 : 1);
    }

    /// <summary>Each interleaving has the seed <paramref name="seed"/> * 2^32 + its number. Stops at the first violation.</summary>
    public static SimulationOutcome Run(int count, ulong seed, Fault faults)
    {
        var gate = new Lock();
        var ends = new SortedDictionary<string, long>(StringComparer.Ordinal);
        (long done, long events, string? violation) = (0, 0, null);
        Parallel.For(0, Environment.ProcessorCount, part =>
        {
            var interleaving = new Interleaving(faults);
            var mine = new long[8];
            long many = 0, total = 0;
            for (long i = part; i < count && Volatile.Read(ref violation) is null; i += Environment.ProcessorCount)
            {
                var number = (seed << 32) + (ulong)i;
                if (interleaving.Run(number) is { } found)
                    Interlocked.CompareExchange(ref violation, $"interleaving {number}: {found}", null);
                mine[(int)interleaving.Store.Status]++;
                total += interleaving.Events;
                many++;
            }
            lock (gate)
            {
                (done, events) = (done + many, events + total);
                for (var status = 0; status < mine.Length; status++)
                {
                    var name = ((Contracts.Runs.RunStatus)status).ToString();
                    if (mine[status] > 0)
                        ends[name] = ends.GetValueOrDefault(name) + mine[status];
                }
            }
        });
        return new SimulationOutcome(done, events, ends, violation);
    }
}
