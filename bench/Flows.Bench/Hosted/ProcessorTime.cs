using System.Globalization;

namespace Flows.Bench.Hosted;

/// <summary>Processor time that the parts of a platform have used up to now, in milliseconds; what their children that have ended used counts for them.</summary>
internal sealed record ProcessorTime(double Api, double Workers, double Engines, double Postgres, double Redis, double Caller)
{
    // Of /proc/PID/stat behind the command: utime, stime, and the same of children that were waited for.
    private const int User = 11, System = 12, ChildUser = 13, ChildSystem = 14;
    private const double MsPerTick = 10;

    public double All => Api + Workers + Engines + Postgres + Redis;

    public static ProcessorTime Of(LocalPlatform platform)
    {
        var children = Signal.AllByParent();
        return new ProcessorTime(
            platform.PidsOf("api").Sum(pid => Ms(pid)),
            platform.PidsOf("worker").Sum(pid => Ms(pid)),
            platform.PidsOf("worker").Sum(pid => Ms(pid, ChildUser, ChildSystem) + Below(pid, children)),
            platform.PidsOf("postgres").Sum(pid => Whole(pid) + Below(pid, children)),
            platform.PidsOf("redis").Sum(Whole),
            Ms(Environment.ProcessId));
    }

    public static ProcessorTime operator -(ProcessorTime after, ProcessorTime before) => new(
        after.Api - before.Api, after.Workers - before.Workers, after.Engines - before.Engines, after.Postgres - before.Postgres, after.Redis - before.Redis, after.Caller - before.Caller);

    private static double Below(int pid, ILookup<int, int> children) => children[pid].Sum(child => Whole(child) + Below(child, children));

    private static double Whole(int pid) => Ms(pid, User, System, ChildUser, ChildSystem);

    private static double Ms(int pid) => Ms(pid, User, System);

    private static double Ms(int pid, params ReadOnlySpan<int> fields)
    {
        if (Signal.StatOf(pid) is not { Length: > ChildSystem } stat)
            return 0; // it has ended
        var ticks = 0d;
        foreach (var field in fields)
            ticks += double.Parse(stat[field], CultureInfo.InvariantCulture);
        return ticks * MsPerTick;
    }
}
