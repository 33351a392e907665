using System.Text.Json;
using Flows.Contracts.Json;
using Flows.Contracts.Network;

namespace Flows.Engine.CommandLine;

/// <summary>The command line could not be understood, or a file it names could not be read.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>What <c>--run</c> was asked to do.</summary>
internal sealed record RunOptions(
    RawJson Definition, RawJson Payload, IReadOnlyDictionary<string, RawJson> Connections, IReadOnlyDictionary<string, RawJson> Variables,
    IReadOnlyDictionary<string, RawJson> Answers, bool AsJson, NetworkSettings Network, string? Files)
{
    public const string Usage = """
        Flows.Engine                                serves runs to a worker on standard input and output
        Flows.Engine --describe                     prints what flows may name (pieces, kinds, functions) as JSON
        Flows.Engine --run flow.json [options]      walks a flow here and prints its steps
          --payload payload.json                    the trigger's output; {} without it
          --connection key=connection.json          a connection the flow names; may be repeated
          --variables variables.json                an object: what {{vars.…}} means
          --files folder                            keeps the files that steps write there; without it they are gone at the end
          --resume path=json                        what the wait or call at that step path gives; may be repeated
          --json                                    prints one JSON document: outcome, response and steps
          --network STRICT                          public addresses only, as under a worker; UNRESTRICTED without it
          --allow / --deny hosts,ranges             what STRICT lets through; what is refused in every mode
        Flows.Engine --poll piece.trigger [options] asks a polling trigger once and prints what it found
        Flows.Engine --options piece.source [options] prints what an input may be set to
        Flows.Engine --test piece [options]         prints whom the service takes the connection for
          --input input.json                        the inputs; {} without it
          --connection connection.json              the connection's fields
          --cursor cursor.json                      where the poll begins: the cursor that the last one has printed
          --search text                             what the options are looked through for
          --network / --allow / --deny              as above
        Flows.Engine --help                         prints this

        --run exits with 0 when the flow succeeded, 1 when it did not, 2 when the flow or the command line is wrong.
        Delays are over at once. A wait for a webhook, an approval or another flow needs its --resume, or the run stays there.
        A code step needs Node.js 20 or later as `node` on the path, or its path in FLOWS_NODE.
        """;

    /// <exception cref="UsageException"/>
    public static RunOptions Parse(IReadOnlyList<string> args)
    {
        RawJson? definition = null;
        RawJson? payload = null;
        var connections = new Dictionary<string, RawJson>(StringComparer.Ordinal);
        var variables = new Dictionary<string, RawJson>(StringComparer.Ordinal);
        string? files = null;
        var answers = new Dictionary<string, RawJson>(StringComparer.Ordinal);
        var asJson = false;
        // Whoever sits at a command line may reach what they may reach without us.
        var network = new NetworkSettings(NetworkPolicy.Unrestricted);
        for (var i = 0; i < args.Count; i++)
        {
            switch (args[i])
            {
                case "--run":
                    definition = Read(Next("a flow file"));
                    break;
                case "--payload":
                    payload = Read(Next("a payload file"));
                    break;
                case "--variables":
                    foreach (var property in ObjectOf(Next("a variables file")))
                        variables[property.Name] = RawJson.From(property.Value);
                    break;
                case "--connection":
                    var pair = Next("key=file").Split('=', 2);
                    connections[pair[0]] = pair.Length == 2 ? Read(pair[1]) : throw new UsageException("--connection takes key=file.");
                    break;
                case "--files":
                    files = Next("a folder");
                    break;
                case "--resume":
                    var answer = Next("path=json").Split('=', 2);
                    answers[answer[0]] = answer.Length == 2 ? Json(answer[1], "The answer after --resume") : throw new UsageException("--resume takes path=json.");
                    break;
                case "--json":
                    asJson = true;
                    break;
                case "--network" or "--allow" or "--deny":
                    var option = args[i];
                    network = network.TryTake(option, Next("a value"))!;
                    break;
                default:
                    throw new UsageException($"Unknown argument '{args[i]}'.");
            }

            string Next(string what) => ++i < args.Count ? args[i] : throw new UsageException($"{args[i - 1]} takes {what}.");
        }
        return new RunOptions(
            definition ?? throw new UsageException("--run and a flow file are missing."), payload ?? RawJson.Parse("{}"), connections, variables, answers, asJson, Checked(network), files);
    }

    internal static NetworkSettings Checked(NetworkSettings settings)
    {
        try
        {
            _ = new NetworkPolicy(settings);
            return settings;
        }
        catch (NetworkSettingException error)
        {
            throw new UsageException(error.Message);
        }
    }

    private static JsonElement.ObjectEnumerator ObjectOf(string file) =>
        Read(file).ToElement() is { ValueKind: JsonValueKind.Object } element ? element.EnumerateObject() : throw new UsageException($"{file} is not a JSON object.");

    internal static RawJson Read(string file)
    {
        try
        {
            return Json(File.ReadAllText(file), file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{file} cannot be read: {error.Message}");
        }
    }

    private static RawJson Json(string text, string what)
    {
        try
        {
            return RawJson.Parse(text);
        }
        catch (JsonException error)
        {
            throw new UsageException($"{what} is not JSON: {error.Message}");
        }
    }
}
