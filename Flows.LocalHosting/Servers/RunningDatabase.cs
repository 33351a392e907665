using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Flows.LocalHosting.Orchestration;
using Microsoft.Extensions.Configuration;
using Npgsql;

namespace Flows.LocalHosting.Servers;

/// <summary>A database: made on our own server when it is not there yet, or one given from outside, which only has to answer.</summary>
internal sealed class RunningDatabase(PostgresDatabaseResource database, HostingContext context) : RunningResource(database, context)
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(60);

    public override IEnumerable<IResource> Dependencies => base.Dependencies.Append(database.Parent);

    public override void Prepare()
    {
        database.GivenConnectionString = Context.Configuration.GetConnectionString(database.Name);
        if (database.GivenConnectionString is { } given)
        {
            try
            {
                Context.Mask.Add(new NpgsqlConnectionStringBuilder(given).Password ?? "");
            }
            catch (ArgumentException error)
            {
                throw new DistributedApplicationException($"ConnectionStrings:{database.Name} is not a Postgres connection string: {error.Message}", error);
            }
        }
        PublishAll(snapshot => snapshot with { State = KnownResourceStates.NotStarted });
    }

    protected override async Task StartAsync(CancellationToken cancel)
    {
        PublishAll(snapshot => snapshot with { State = KnownResourceStates.Starting });
        if (database.GivenConnectionString is { } given)
            await WaitUntilItAnswersAsync(given, cancel);
        else
            await CreateAsync(cancel);
        PublishRunning();
    }

    private async Task CreateAsync(CancellationToken cancel)
    {
        await using var connection = new NpgsqlConnection($"{database.Parent.Known};Database=postgres;Pooling=false");
        await connection.OpenAsync(cancel);
        try
        {
            await using var create = connection.CreateCommand();
#pragma warning disable CA2100 // The name comes from the AppHost's own code, and a name of a database cannot be a parameter.
            create.CommandText = $"CREATE DATABASE \"{database.DatabaseName.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
#pragma warning restore CA2100
            await create.ExecuteNonQueryAsync(cancel);
        }
        catch (PostgresException error) when (error.SqlState == PostgresErrorCodes.DuplicateDatabase)
        {
            // From an earlier start.
        }
    }

    private async Task WaitUntilItAnswersAsync(string connectionString, CancellationToken cancel)
    {
        var from = Context.Clock.GetTimestamp();
        while (true)
        {
            try
            {
                await using var connection = new NpgsqlConnection(connectionString);
                await connection.OpenAsync(cancel);
                return;
            }
            catch (NpgsqlException error) when (error is not PostgresException { IsTransient: false } && Context.Clock.GetElapsedTime(from) < LongestWait)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200), cancel);
            }
            catch (NpgsqlException error)
            {
                throw new DistributedApplicationException($"the database of ConnectionStrings:{database.Name} does not answer: {error.Message}", error);
            }
        }
    }
}
