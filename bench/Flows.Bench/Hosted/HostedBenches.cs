using Flows.Bench;
using Flows.Bench.Chaos;
using Flows.Bench.Hosted;
using Flows.Bench.Lists;

internal sealed partial class Program
{
    static partial void AddHosted(IDictionary<string, Func<BenchArguments, Task<int>>> benches)
    {
        benches["chaos"] = ChaosBench.RunAsync;
        benches["durability"] = DurabilityBench.RunAsync;
        benches["failover"] = FailoverBench.RunAsync;
        benches["fencing"] = FencingBench.RunAsync;
        benches["flows"] = ThroughputBench.RunAsync;
        benches["lists"] = ListsBench.RunAsync;
        benches["newworker"] = NewWorkerBench.RunAsync;
        benches["retention"] = RetentionBench.RunAsync;
        benches["rolling"] = RollingBench.RunAsync;
        benches["schedules"] = SchedulesBench.RunAsync;
        benches["sizing"] = SizingBench.RunAsync;
        benches["telemetry"] = TelemetryBench.RunAsync;
    }
}
