using System.Diagnostics;
using System.Globalization;

namespace Flows.Bench;

/// <summary>What the disk of this machine takes at least to keep 8 KiB: whatever waits for a commit waits for one of those. In milliseconds.</summary>
internal readonly record struct DiskWrites(double P50, double P99)
{
    private const int Writes = 500;

    /// <summary>One write after the other to one file in the folder of temporary files, where Postgres of a benchmark has its data too.</summary>
    public static DiskWrites Measure()
    {
        var path = Path.Combine(Path.GetTempPath(), $"flows-bench-{Guid.CreateVersion7():n}");
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
        var page = new byte[8192];
        List<double> times = [];
        for (var i = 0; i < Writes; i++)
        {
            var began = Stopwatch.GetTimestamp();
            file.Position = 0;
            file.Write(page);
            file.Flush(flushToDisk: true);
            times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }
        times.Sort();
        return new DiskWrites(times[Writes / 2], times[Writes * 99 / 100]);
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"A write of 8 KiB that the disk of this machine has to keep takes {P50:F2} ms (median), {P99:F2} ms (99th percentile of {Writes}), before the load.");
}
