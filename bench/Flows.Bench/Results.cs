using System.Globalization;
using System.Runtime.InteropServices;

namespace Flows.Bench;

/// <summary>Keeps what a benchmark found, with the machine and the load it was found under.</summary>
internal static class Results
{
    private static readonly DateTimeOffset s_startedAt = TimeProvider.System.GetUtcNow();
    private static readonly string s_loadAtStart = LoadAverage();

    /// <summary>Remembers the load before the benchmark makes its own.</summary>
    public static void Begin() => _ = s_loadAtStart;

    /// <summary>With <c>--keep</c>: writes bench/results/DATE-name.md, and .json when there is one. The commit is given by ./flows in FLOWS_COMMIT.</summary>
    public static void Keep(BenchArguments arguments, string name, string markdown, string? json = null)
    {
        if (!arguments.Keep)
            return;
        var folder = Environment.GetEnvironmentVariable("FLOWS_BENCH_RESULTS") ?? throw new BenchException("FLOWS_BENCH_RESULTS is not set; run ./flows bench.");
        var file = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{s_startedAt:yyyy-MM-dd}-{name}"));
        File.WriteAllText($"{file}.md", $"""
            # {char.ToUpperInvariant(name[0])}{name[1..]}
            `./flows bench {name}` on {s_startedAt:yyyy-MM-dd HH:mm} UTC, commit {Environment.GetEnvironmentVariable("FLOWS_COMMIT") ?? "unknown"}.
            Machine: {Environment.ProcessorCount} cores, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 30} GiB, {RuntimeInformation.OSDescription.Trim()}, .NET {Environment.Version}.
            Load average {s_loadAtStart} before, {LoadAverage()} after.

            {markdown.Trim()}

            """);
        if (json is not null)
            File.WriteAllText($"{file}.json", json + "\n");
        Console.WriteLine($"Kept as {file}.md");
    }

    private static string LoadAverage() => File.Exists("/proc/loadavg") ? string.Join(' ', File.ReadAllText("/proc/loadavg").Split(' ')[..3]) : "unknown";
}
