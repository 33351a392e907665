using Flows.Engine;
using Flows.Engine.CommandLine;
using Flows.Engine.Pieces;
using Flows.Engine.Serving;
using Flows.Engine.Steps;

// Standard output belongs to the mode that was asked for: anything else that writes there would break a frame or a document.
var output = Console.OpenStandardOutput();
Console.SetOut(Console.Error);

switch (args)
{
    case var serving when ServeOptions.Are(serving):
        OutboundNetwork network;
        try
        {
            network = ServeOptions.NetworkOf(serving);
        }
        catch (FormatException error)
        {
            await Console.Error.WriteLineAsync(error.Message);
            return 2;
        }
        using (var http = new OutboundHttp(network))
#pragma warning disable CA5394 // Spreading work over time is no secret.
        using (var memory = new IdleMemory(TimeProvider.System, TimeSpan.FromSeconds(10 + (5 * Random.Shared.NextDouble()))))
#pragma warning restore CA5394
        using (var connection = new WorkerConnection(
            Console.OpenStandardInput(), output, new RunWalk(PieceCatalog.All, http, TimeProvider.System),
            new PieceCalls(PieceCatalog.All, http, TimeProvider.System), Catalogue.Version, OwnFolders.FromEnvironment(), memory))
        {
            await WarmUp.RunAsync(http);
            // When the worker is gone the process ends at once, whatever a run is doing.
            Environment.Exit(await connection.ServeAsync(CancellationToken.None));
        }
        return 0;
    case ["--describe"]:
        Catalogue.WriteTo(output);
        return 0;
    case ["--poll" or "--options" or "--test", ..]:
        return await PieceCommand.ExecuteAsync(args, output);
    default:
        return await RunCommand.ExecuteAsync(args, output);
}
