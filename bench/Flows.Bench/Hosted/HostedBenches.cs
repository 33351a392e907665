using Flows.Bench;
using Flows.Bench.Chaos;

internal sealed partial class Program
{
    static partial void AddHosted(IDictionary<string, Func<BenchArguments, Task<int>>> benches)
    {
        benches["chaos"] = ChaosBench.RunAsync;
    }
}
