namespace Flows.Bench.Hosted;

/// <summary>Processor time that the parts of a platform have used up to now, in milliseconds. An engine that has ended counts for the workers.</summary>
internal sealed record ProcessorTime(double Api, double Workers, double Engines, double Postgres, double Redis, double Caller)
{
    public double All => Api + Workers + Engines + Postgres + Redis;

    public static ProcessorTime Of(LocalPlatform platform) => new(
        ProcessUsage.Of(platform.PidsOf("api")).CpuMs,
        ProcessUsage.Of(platform.PidsOf("worker")).CpuMs,
        platform.PidsOf("worker").Sum(pid => ProcessUsage.OfTree(pid, withRoot: false).CpuMs),
        platform.PidsOf("postgres").Sum(pid => ProcessUsage.OfTree(pid, withRoot: true).CpuMs),
        ProcessUsage.Of(platform.PidsOf("redis")).CpuMs,
        ProcessUsage.Of([Environment.ProcessId]).CpuMs);

    public static ProcessorTime operator -(ProcessorTime after, ProcessorTime before) => new(
        after.Api - before.Api, after.Workers - before.Workers, after.Engines - before.Engines, after.Postgres - before.Postgres, after.Redis - before.Redis, after.Caller - before.Caller);
}
