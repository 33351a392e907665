using System.Globalization;

namespace Flows.Contracts.Network;

/// <summary>The network policy as an operator writes it, and as a worker hands it to an engine: as arguments of its command line.</summary>
/// <param name="Mode"><c>STRICT</c> or <c>UNRESTRICTED</c>.</param>
/// <param name="Allow">Hosts and ranges that STRICT lets through, separated by commas.</param>
/// <param name="Deny">Hosts and ranges that are refused in every mode.</param>
/// <param name="Ports">Ports and ranges of ports that may be reached; empty is every port.</param>
/// <param name="Connections">Most connections of one engine that are open at a time.</param>
/// <param name="ConnectionMiB">Most MiB over one connection, both directions together.</param>
public sealed record NetworkSettings(
    string Mode = NetworkPolicy.Strict, string Allow = "", string Deny = "", string Ports = "", int Connections = 500, int ConnectionMiB = 1024)
{
    public const string ModeVariable = "Flows__Execution__Network";
    public const string AllowVariable = "Flows__Execution__Allow";
    public const string DenyVariable = "Flows__Execution__Deny";
    public const string PortsVariable = "Flows__Execution__Ports";
    public const string ConnectionsVariable = "Flows__Execution__Connections";
    public const string ConnectionMiBVariable = "Flows__Execution__ConnectionMiB";

    /// <summary>For the command line of an engine; <see cref="TryTake"/> reads them there.</summary>
    public IReadOnlyList<string> ToArguments()
    {
        List<string> arguments = ["--network", Mode];
        AddText("--allow", Allow);
        AddText("--deny", Deny);
        AddText("--ports", Ports);
        arguments.AddRange(["--connections", Connections.ToString(CultureInfo.InvariantCulture)]);
        arguments.AddRange(["--connection-mib", ConnectionMiB.ToString(CultureInfo.InvariantCulture)]);
        return arguments;

        void AddText(string option, string value)
        {
            if (value.Length > 0)
                arguments.AddRange([option, value]);
        }
    }

    /// <summary>These settings with one option of a command line.</summary>
    /// <returns>Null when the option is not one of the network's.</returns>
    /// <exception cref="FormatException">A number that is none.</exception>
    public NetworkSettings? TryTake(string option, string value) => option switch
    {
        "--network" => this with { Mode = value },
        "--allow" => this with { Allow = value },
        "--deny" => this with { Deny = value },
        "--ports" => this with { Ports = value },
        "--connections" => this with { Connections = Number(option, value) },
        "--connection-mib" => this with { ConnectionMiB = Number(option, value) },
        _ => null,
    };

    private static int Number(string option, string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number
            : throw new FormatException($"{option} takes a number above 0; found '{value}'.");
}
