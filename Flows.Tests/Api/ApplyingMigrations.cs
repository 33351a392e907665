using Flows.Api.Migrations;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Flows.Tests.Api;

[Collection(Platform.Apis)]
public sealed class ApplyingMigrations(Platform platform) : IAsyncLifetime
{
    private readonly TestDatabase _database = new(platform);

    public Task InitializeAsync() => Task.CompletedTask;
    public async Task DisposeAsync() => await _database.DisposeAsync();

    [Fact]
    public async Task A_missing_database_is_made_and_gets_every_table()
    {
        Assert.Equal(Migration.All.Count, await ApplyAsync(Migration.All));
        Assert.Equal(8L, await _database.ScalarAsync("""
            SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
            AND relname IN ('schema_migrations', 'projects', 'api_keys', 'flows', 'flow_versions', 'runs', 'run_steps', 'workers')
            """));
        Assert.Equal(Migration.All[0].Checksum, await _database.ScalarAsync("SELECT checksum FROM schema_migrations WHERE number = 1"));
    }

    [Fact]
    public async Task A_second_time_changes_nothing()
    {
        await ApplyAsync(Migration.All);
        Assert.Equal(0, await ApplyAsync(Migration.All));
    }

    [Fact]
    public async Task Four_replicas_at_once_apply_each_file_once()
    {
        var applied = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => ApplyAsync(Migration.All))));
        Assert.Equal(Migration.All.Count, applied.Sum());
    }

    [Fact]
    public async Task An_applied_file_that_has_changed_is_refused_by_name()
    {
        await ApplyAsync(Migration.All);
        await _database.ScalarAsync("UPDATE schema_migrations SET checksum = repeat('0', 64) WHERE number = 1");
        var error = await Assert.ThrowsAsync<SchemaRefusedException>(() => ApplyAsync(Migration.All));
        Assert.Contains("0001_initial has changed", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_that_is_newer_is_refused()
    {
        await ApplyAsync([.. Migration.All, Next("CREATE TABLE later ()")]);
        var error = await Assert.ThrowsAsync<SchemaRefusedException>(() => ApplyAsync(Migration.All));
        Assert.Contains("newer than this executable", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_fails_leaves_nothing_of_itself_and_all_of_the_others()
    {
        var error = await Assert.ThrowsAsync<SchemaRefusedException>(() => ApplyAsync([.. Migration.All, Next("CREATE TABLE half (); SELECT 1 / 0")]));
        Assert.Contains($"{Next("").Name} cannot be applied: division by zero", error.Message, StringComparison.Ordinal);
        Assert.Equal(DBNull.Value, await _database.ScalarAsync("SELECT to_regclass('half')::text"));
        Assert.Equal((long)Migration.All.Count, await _database.ScalarAsync("SELECT count(*) FROM schema_migrations"));
        Assert.Equal(0L, await _database.ScalarAsync("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"));
    }

    [Fact]
    public void The_checksum_does_not_depend_on_the_line_ends_of_a_checkout() =>
        Assert.Equal(new Migration(1, "a", "x\ny\n").Checksum, new Migration(1, "a", "x\r\ny\r\n").Checksum);

    private static Migration Next(string sql) => new(Migration.All.Count + 1, $"{Migration.All.Count + 1:0000}_next", sql);

    private async Task<int> ApplyAsync(IReadOnlyList<Migration> migrations)
    {
        await using var source = NpgsqlDataSource.Create(_database.ConnectionString);
        return await new SchemaUpgrade(source, _database.ConnectionString, NullLogger<SchemaUpgrade>.Instance).ApplyAsync(migrations, default);
    }
}
