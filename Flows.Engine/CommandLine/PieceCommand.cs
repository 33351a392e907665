using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Network;
using Flows.Engine.Pieces;

namespace Flows.Engine.CommandLine;

/// <summary><c>--poll</c>, <c>--options</c> and <c>--test</c>: what a worker asks of a piece outside of a run, for the person at the command line.</summary>
internal static class PieceCommand
{
    private const int Succeeded = 0, Failed = 1, Wrong = 2;
    private const int TimeoutMs = 60_000;

    /// <returns>The exit code: 0 done, 1 the piece could not do it, 2 the command line is wrong.</returns>
    public static async Task<int> ExecuteAsync(IReadOnlyList<string> args, Stream output)
    {
        await using var writer = new StreamWriter(output) { AutoFlush = true };
        try
        {
            var (call, network) = Parse(args);
            using var http = new OutboundHttp(new GuardedNetwork(network));
            var answer = await new PieceCalls(PieceCatalog.All, http, TimeProvider.System).AnswerAsync(call, CancellationToken.None);
            if (answer.Error is { } error)
            {
                await Console.Error.WriteLineAsync($"{error.Code}: {error.Message}");
                return Failed;
            }
            await writer.WriteLineAsync(call.Kind switch
            {
                PieceCallKind.Poll => JsonSerializer.Serialize(answer.Events!, EngineJson.Default.TriggerEvents),
                PieceCallKind.Options => JsonSerializer.Serialize(answer.Options!, EngineJson.Default.IReadOnlyListPropOption),
                _ => answer.Account is { Length: > 0 } account ? account : "The service takes the connection.",
            });
            return Succeeded;
        }
        catch (UsageException error)
        {
            await Console.Error.WriteLineAsync($"{error.Message}\n\n{RunOptions.Usage}");
            return Wrong;
        }
    }

    private static (PieceRequest Call, NetworkSettings Network) Parse(IReadOnlyList<string> args)
    {
        var kind = args[0] switch { "--poll" => PieceCallKind.Poll, "--options" => PieceCallKind.Options, _ => PieceCallKind.Test };
        var parts = args.Count > 1 ? args[1].Split('.', 2) : [];
        if (parts.Length != (kind == PieceCallKind.Test ? 1 : 2))
            throw new UsageException($"{args[0]} takes {kind switch { PieceCallKind.Poll => "piece.trigger", PieceCallKind.Options => "piece.source", _ => "a piece" }}.");
        var call = new PieceRequest(
            Guid.CreateVersion7(), kind, null, parts[0], kind == PieceCallKind.Test ? "" : parts[1], RawJson.Parse("{}"), null, TimeoutMs, EngineLimits.Default.OutputBytes);
        var network = new NetworkSettings(NetworkPolicy.Unrestricted);
        for (var i = 2; i < args.Count; i += 2)
        {
            var value = i + 1 < args.Count ? args[i + 1] : throw new UsageException($"{args[i]} takes a value.");
            switch (args[i])
            {
                case "--input":
                    call = call with { Input = RunOptions.Read(value) };
                    break;
                case "--connection":
                    call = call with { Connection = RunOptions.Read(value) };
                    break;
                case "--cursor" when kind == PieceCallKind.Poll:
                    call = call with { Cursor = RunOptions.Read(value) };
                    break;
                case "--search" when kind == PieceCallKind.Options:
                    call = call with { Search = value };
                    break;
                case "--network" or "--allow" or "--deny":
                    network = network.TryTake(args[i], value)!;
                    break;
                default:
                    throw new UsageException($"Unknown argument '{args[i]}'.");
            }
        }
        return (call, RunOptions.Checked(network));
    }
}
