using Flows.Api.Access;
using Flows.Api.Audit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Npgsql;

namespace Flows.Tests.Api;

/// <summary>What has no transaction to be written down in is written down before it is done: a process that dies in between loses nothing.</summary>
[Collection(Platform.Apis)]
public sealed class WritingDownWhatIsDone(Platform platform, ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private readonly Guid _id = Guid.CreateVersion7();

    [Fact]
    public async Task The_row_is_there_before_the_change_and_says_afterwards_what_was_done()
    {
        string? before = null;
        Assert.Equal(200, await CallAsync(async audit =>
        {
            before = await AfterAsync();
            audit.Tell(after: new { Runs = 2 });
            return Results.Ok();
        }));
        Assert.Equal("""{"outcome":"unknown"}""", before);
        Assert.Equal("""{"runs":2}""", await AfterAsync());
    }

    [Fact]
    public async Task What_is_refused_is_taken_back()
    {
        Assert.Equal(409, await CallAsync(_ => Task.FromResult(Results.StatusCode(409))));
        Assert.Null(await AfterAsync());
    }

    [Fact]
    public async Task What_breaks_off_stays_as_unknown()
    {
        Assert.Equal(500, await CallAsync(_ => throw new InvalidOperationException("As a process that dies, but for the answer.")));
        Assert.Equal("""{"outcome":"unknown"}""", await AfterAsync());
    }

    private async Task<int> CallAsync(Func<AuditTrail, Task<IResult>> handler)
    {
        await using var app = ApiHost.Create(fixture.Database.ConnectionString, platform);
        app.MapPost("/probe/{probeId:guid}", (Guid probeId, AuditTrail audit) => handler(audit)).Requires(Permission.ActOnRuns).Audited("probe.done", ahead: true);
        await app.StartAsync();
        using var http = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        http.DefaultRequestHeaders.Authorization = new("Bearer", ApiHost.Key);
        using var answer = await http.PostAsync($"/probe/{_id}", content: null);
        return (int)answer.StatusCode;
    }

    private async Task<string?> AfterAsync()
    {
        await using var source = NpgsqlDataSource.Create(fixture.Database.ConnectionString);
        await using var command = source.CreateCommand("SELECT after::text FROM audit WHERE action = 'probe.done' AND target = $1");
        command.Parameters.Add(new() { Value = $"probe:{_id}" });
        return (string?)await command.ExecuteScalarAsync();
    }
}
