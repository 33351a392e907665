using Flows.Bench;
using Flows.Bench.Simulation;

// Load on loopback only, bounded in time. `./flows bench NAME` builds and gives what is needed.
Results.Begin();
var benches = new SortedDictionary<string, Func<BenchArguments, Task<int>>>(StringComparer.Ordinal)
{
    ["egress"] = EgressBench.RunAsync,
    ["engine"] = EngineBench.RunAsync,
    ["queue"] = QueueBench.RunAsync,
    ["sandbox"] = SandboxBench.RunAsync,
    ["scale"] = ScaleBench.RunAsync,
    ["simulation"] = SimulationBench.RunAsync,
    ["webhook"] = WebhookBench.RunAsync,
};
AddHosted(benches);
if (args is not [var name, .. var rest] || !benches.TryGetValue(name, out var bench))
{
    Console.Error.WriteLine($"Usage: ./flows bench NAME [--keep]. There is: {string.Join(", ", benches.Keys)}.");
    return 2;
}
try
{
    return await bench(new BenchArguments(rest));
}
catch (BenchException error)
{
    Console.Error.WriteLine($"{name}: {error.Message}");
    return 2;
}

/// <summary>Benchmarks that start a platform of their own are in Hosted/HostedBenches.cs; without that file the call above is no code at all.</summary>
internal sealed partial class Program
{
    static partial void AddHosted(IDictionary<string, Func<BenchArguments, Task<int>>> benches);
}
