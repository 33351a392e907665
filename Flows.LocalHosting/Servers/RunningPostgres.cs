using System.Globalization;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Flows.LocalHosting.Orchestration;
using Flows.LocalHosting.Processes;
using Microsoft.Extensions.Configuration;
using Npgsql;

namespace Flows.LocalHosting.Servers;

/// <summary>A private PostgreSQL server of this application, or nothing when all its databases are given from outside.</summary>
internal sealed class RunningPostgres(PostgresServerResource server, HostingContext context) : RunningResource(server, context)
{
    private PostgresCluster? cluster;
    private NpgsqlDataSource? pings;

    public override void Prepare()
    {
        if (server.Databases.Count > 0 && server.Databases.Keys.All(name => Context.Configuration.GetConnectionString(name) is not null))
        {
            Log.External(Context.Logger, server.Name);
            PublishRunning();
            return;
        }

        var credentials = server.Annotations.OfType<ServerCredentials>().Single();
        var endpoint = server.Annotations.OfType<EndpointAnnotation>().Single();
        var port = Context.RandomizePorts || endpoint.Port is null ? Ports.Free() : endpoint.Port.Value;
        if (!Ports.IsFree(port))
            throw new DistributedApplicationException($"Port {port}, on which '{server.Name}' listens, is already in use by another program.");

        var password = Text(credentials.Password);
        var user = credentials.UserName is null ? "postgres" : Text(credentials.UserName);
        Context.Mask.Add(password);
        cluster = PostgresCluster.Locate(server.Name, Context, user, password);
        endpoint.AllocatedEndpoint = new("tcp", "localhost", port);
        server.ConnectionString = $"Host=localhost;Port={port};Username={user};Password={password}";
        // Its own pool of one: a check must not take a connection from anybody.
        pings = NpgsqlDataSource.Create($"Host=127.0.0.1;Port={port};Username={user};Password={password};Database=postgres;Timeout=3;Command Timeout=3;Maximum Pool Size=1;Application Name=flows-health");
        AddProcess(NewReplicaId(), _ => Task.FromResult(cluster.Server(port)), AskAsync);
        PublishAll(snapshot => snapshot with { Urls = [new("tcp", $"tcp://localhost:{port}", IsInternal: true)] });
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (pings is not null)
            await pings.DisposeAsync();
    }

    protected override async Task StartAsync(CancellationToken cancel)
    {
        if (cluster is not null)
        {
            PublishAll(snapshot => snapshot with { State = KnownResourceStates.Starting });
            await cluster.EnsureMadeAsync(cancel);
        }
        await base.StartAsync(cancel);
    }

    private async Task<string?> AskAsync(CancellationToken cancel)
    {
        try
        {
            await using var connection = await pings!.OpenConnectionAsync(cancel);
            await using var ping = new NpgsqlCommand("SELECT 1", connection);
            await ping.ExecuteScalarAsync(cancel);
            return null;
        }
        catch (NpgsqlException error)
        {
            return string.Create(CultureInfo.InvariantCulture, $"it does not answer: {(error as PostgresException)?.MessageText ?? error.Message}");
        }
    }

    private static string Text(ParameterResource parameter) => parameter.GetValueAsync().AsTask().GetAwaiter().GetResult() ?? "";
}
