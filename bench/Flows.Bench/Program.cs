using Flows.Bench;

// Load on loopback only, bounded in time, against a Flows that `./flows up` has started. `./flows bench` starts one when none is up.
if (args is not [var name, ..])
{
    Console.Error.WriteLine("Usage: ./flows bench webhook [seconds] | engine");
    return 2;
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
    default:
        Console.Error.WriteLine($"There is no benchmark '{name}'. There are: engine, webhook.");
        return 2;
}
