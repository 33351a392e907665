using Npgsql;

namespace Flows.Tests.LocalHosting;

[Collection(Platform.Databases)]
public sealed class DataThatIsThrownAway(Platform platform)
{
    [Fact]
    public async Task Its_server_does_not_wait_for_the_disk_where_that_was_said_and_commits_as_always()
    {
        if (Environment.GetEnvironmentVariable("ConnectionStrings__flowsdb") is not null)
            return; // a server of somebody else's
        await using var source = NpgsqlDataSource.Create(platform.PostgresConnectionString);
        await using var settings = source.CreateCommand("SELECT current_setting('fsync') || ' ' || current_setting('synchronous_commit')");
        Assert.Equal("off on", await settings.ExecuteScalarAsync());
    }
}
