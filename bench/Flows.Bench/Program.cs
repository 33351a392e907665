using Flows.Bench;

// Load on loopback only, bounded in time, against a Flows that `./flows up` has started. `./flows bench` starts one when none is up.
if (args is not [var name, ..])
{
    Console.Error.WriteLine("Usage: ./flows bench webhook [seconds]");
    return 2;
}
var seconds = args.Length > 1 && int.TryParse(args[1], out var given) ? Math.Clamp(given, 1, 120) : 10;
var target = Target.FromEnvironment();
switch (name)
{
    case "webhook":
        await WebhookBench.RunAsync(target, TimeSpan.FromSeconds(seconds));
        return 0;
    default:
        Console.Error.WriteLine($"There is no benchmark '{name}'. There is: webhook.");
        return 2;
}
