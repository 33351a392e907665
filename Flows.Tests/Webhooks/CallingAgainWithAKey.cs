using System.Net;
using System.Text;
using Flows.Api.Runs;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Tests.Runs;

namespace Flows.Tests.Webhooks;

/// <summary>Idempotency-Key: the same key is the same run.</summary>
[Collection(nameof(Platform))]
public sealed class CallingAgainWithAKey(RunsDatabase database) : IClassFixture<RunsDatabase>, IAsyncLifetime
{
    private RunsHost _host = null!;

    public async Task InitializeAsync() => _host = await database.HostAsync();
    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task The_same_key_gives_the_same_run_and_says_so()
    {
        using var first = await SendAsync(_host, "one", "{}");
        using var second = await SendAsync(_host, "one", "{}");
        using var other = await SendAsync(_host, "two", "{}");
        Assert.Equal((HttpStatusCode.Accepted, HttpStatusCode.Accepted), (first.StatusCode, second.StatusCode));
        Assert.Equal(await RunAsync(first), await RunAsync(second));
        Assert.False(first.Headers.Contains("Idempotency-Replayed"));
        Assert.Equal("true", second.Headers.GetValues("Idempotency-Replayed").Single());
        Assert.NotEqual(await RunAsync(first), await RunAsync(other));
    }

    [Fact]
    public async Task Many_calls_at_once_to_two_replicas_start_one_run()
    {
        await using var other = await RunsHost.StartAsync(database);
        var (flow, _) = await database.PublishAsync(RunsDatabase.Definition);
        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => SendAsync(i % 2 == 0 ? _host : other, "same", "{}", flow)));
        var runs = await Task.WhenAll(answers.Select(RunAsync));
        Assert.Single(runs.Distinct());
        Assert.Single(answers, answer => !answer.Headers.Contains("Idempotency-Replayed"));
        Assert.Equal(1L, await database.ValueAsync<long>("SELECT count(*) FROM runs WHERE flow_id = $1", flow));
        foreach (var answer in answers)
            answer.Dispose();
    }

    [Fact]
    public async Task Another_body_under_the_same_key_is_422()
    {
        using var first = await SendAsync(_host, "bodies", "{}");
        using var second = await SendAsync(_host, "bodies", "{ }");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, second.StatusCode);
        Assert.Equal("key_reused", (await RunsHost.JsonAsync(second)).GetProperty("code").GetString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("a\tb")]
    [InlineData("long")]
    public async Task A_key_that_is_none_is_400(string key)
    {
        using var answer = await SendAsync(_host, key == "long" ? new string('k', 256) : key, "{}");
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("Idempotency-Key", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_caller_who_waits_gets_the_answer_of_the_run_that_the_key_stands_for()
    {
        var (flow, _) = await database.PublishAsync(RunsDatabase.Definition);
        var first = SendAsync(_host, "sync", "{}", flow, "/sync");
        var run = await RunsHost.NewestRunAsync(database, flow);
        var claim = await _host.ClaimAsync(run);
        await _host.ReportAsync(run, claim!.Attempt, new RunOutcome(RunStatus.Succeeded, RawJson.Parse("""{"n":7}""")));
        using var answer = await first;
        using var again = await SendAsync(_host, "sync", "{}", flow, "/sync");
        Assert.Equal(("""{"n":7}""", """{"n":7}"""), (await answer.Content.ReadAsStringAsync(), await again.Content.ReadAsStringAsync()));
        Assert.Equal(run.ToString(), again.Headers.GetValues("Flows-Run-Id").Single());
    }

    [Fact]
    public async Task After_its_window_a_key_is_free_and_is_forgotten_in_small_parts()
    {
        using var first = await SendAsync(_host, "old", "{}");
        await database.ExecuteAsync("UPDATE webhook_keys SET created_at = created_at - interval '25 hours'");
        using var second = await SendAsync(_host, "old", """{"another":"body"}""");
        Assert.Equal(HttpStatusCode.Accepted, second.StatusCode);
        Assert.NotEqual(await RunAsync(first), await RunAsync(second));

        using var third = await SendAsync(_host, "older", "{}");
        await database.ExecuteAsync("UPDATE webhook_keys SET created_at = created_at - interval '25 hours'");
        var before = await database.ValueAsync<long>("SELECT count(*) FROM webhook_keys");
        Assert.Equal(1, await database.Store().ForgetKeysAsync(TimeProvider.System.GetUtcNow().AddHours(-24), most: 1, default));
        Assert.Equal(before - 1, await database.ValueAsync<long>("SELECT count(*) FROM webhook_keys"));
    }

    [Fact]
    public async Task Writing_the_same_batch_again_as_after_a_lost_commit_gives_the_same_outcomes()
    {
        var store = database.Store();
        var (one, two) = (database.NewRun(), database.NewRun());
        List<KeyedRun> batch = [new(one, [1], [7]), new(two, [1], [7])];
        var first = await store.AcceptOnceAsync(batch, DateTimeOffset.UnixEpoch, default);
        var second = await store.AcceptOnceAsync(batch, DateTimeOffset.UnixEpoch, default);
        Assert.Equal(first, second);
        Assert.Single(first, outcome => outcome.IsNew);
        Assert.Equal(first[0].RunId, first[1].RunId);
    }

    [Fact]
    public async Task Tags_of_the_call_are_kept_with_the_run()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/webhooks/{database.Flow}?flows-run-tags=vip");
        request.Headers.TryAddWithoutValidation("Flows-Run-Tags", "order 7, late,vip");
        using var answer = await _host.Anonymous.SendAsync(request);
        var run = Guid.Parse(await RunAsync(answer));
        Assert.Equal("late|order 7|vip", await database.ValueAsync<string>("SELECT string_agg(tag, '|' ORDER BY tag) FROM run_tags WHERE run_id = $1", run));
        using var many = await _host.Anonymous.PostAsync($"/webhooks/{database.Flow}?flows-run-tags={string.Join(',', Enumerable.Range(0, 11))}", null);
        Assert.Equal(HttpStatusCode.BadRequest, many.StatusCode);
    }

    private async Task<HttpResponseMessage> SendAsync(RunsHost host, string key, string body, Guid? flow = null, string end = "")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/webhooks/{flow ?? database.Flow}{end}") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        return await host.Anonymous.SendAsync(request);
    }

    private static async Task<string> RunAsync(HttpResponseMessage answer) => (await RunsHost.JsonAsync(answer)).GetProperty("runId").GetString()!;
}
