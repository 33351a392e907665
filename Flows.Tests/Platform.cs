namespace Flows.Tests;

/// <summary>Postgres, Redis, the API, two workers and their engines: started once for all tests that need them.</summary>
[CollectionDefinition(nameof(Platform))]
public sealed class Platform : ICollectionFixture<Platform>, IAsyncLifetime
{
    /// <summary>StackExchange.Redis connection string of a real Redis.</summary>
    public string RedisConnectionString { get; private set; } = "";
    /// <summary>Npgsql connection string of a real Postgres whose user may create databases.</summary>
    public string PostgresConnectionString { get; private set; } = "";

    public Task InitializeAsync()
    {
        RedisConnectionString = Environment.GetEnvironmentVariable("FLOWS_TEST_REDIS") ?? "localhost:6390";
        PostgresConnectionString = Environment.GetEnvironmentVariable("FLOWS_TEST_POSTGRES")
            ?? "Host=localhost;Port=5490;Username=postgres;Database=postgres";
        return Task.CompletedTask;
    }

    public Task DisposeAsync() => Task.CompletedTask;
}
