using Flows.Contracts.Network;
using Flows.Engine.Pieces;

namespace Flows.Engine.Serving;

/// <summary>What a worker tells an engine on its command line: the way to other hosts.</summary>
internal static class ServeOptions
{
    private const string Egress = "--egress";

    /// <summary>True for a command line without a mode: a worker's.</summary>
    public static bool Are(IReadOnlyList<string> args) => args is [] or [Egress or "--network", ..];

    /// <summary>The network of this engine. Without a word about it the policy is STRICT with no exception.</summary>
    /// <exception cref="FormatException">An argument is wrong; the message names it.</exception>
    public static OutboundNetwork NetworkOf(IReadOnlyList<string> args)
    {
        if (args is [Egress, var socket])
            return new BrokeredNetwork(socket);
        var settings = new NetworkSettings();
        for (var i = 0; i < args.Count; i += 2)
        {
            settings = (i + 1 < args.Count ? settings.TryTake(args[i], args[i + 1]) : null)
                ?? throw new FormatException($"'{args[i]}' is no argument of an engine that serves, or its value is missing.");
        }
        return new GuardedNetwork(settings);
    }
}
