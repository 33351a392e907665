using Flows.Bench;

// Load on loopback only, bounded in time, against a Flows that `./flows up` has started. `./flows bench` starts one when none is up.
if (args is not [var name, ..])
{
    Console.Error.WriteLine("Usage: ./flows bench webhook|flows [seconds] | queue [rounds]");
    return 2;
}
if (name == "queue")
{
    // `./flows bench queue` has started a Redis for it, and installed the peer where npm can.
    var port = int.Parse(Environment.GetEnvironmentVariable("FLOWS_BENCH_REDIS")
        ?? throw new InvalidOperationException("FLOWS_BENCH_REDIS is not set; run ./flows bench queue."), System.Globalization.CultureInfo.InvariantCulture);
    var rounds = args.Length > 1 && int.TryParse(args[1], out var asked) ? Math.Clamp(asked, 1, 20) : 3;
    var peer = Environment.GetEnvironmentVariable("FLOWS_BENCH_BULLMQ") is { Length: > 0 } path ? path : null;
    await new QueueBench(port, peer).RunAsync(rounds);
    return 0;
}
var seconds = args.Length > 1 && int.TryParse(args[1], out var given) ? Math.Clamp(given, 1, 120) : 10;
switch (name)
{
    case "webhook":
        await WebhookBench.RunAsync(Target.FromEnvironment(), TimeSpan.FromSeconds(seconds));
        return 0;
    case "engine":
        await EngineBench.RunAsync();
        return 0;
    case "flows":
        await WebhookBench.RunAsync(target, TimeSpan.FromSeconds(seconds));
        await AsyncBench.RunAsync(target, TimeSpan.FromSeconds(seconds));
        return 0;
    default:
        Console.Error.WriteLine($"There is no benchmark '{name}'. There are: webhook, flows, queue.");
        return 2;
}
