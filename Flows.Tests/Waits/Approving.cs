using System.Net;
using System.Net.Http.Json;
using Flows.Api.Waits;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Tests.Runs;

namespace Flows.Tests.Waits;

[Collection(Platform.Databases)]
public sealed class Approving(RunsDatabase database) : IClassFixture<RunsDatabase>, IAsyncLifetime
{
    private RunsHost _host = null!;

    public async Task InitializeAsync() => _host = await database.HostAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task The_page_shows_the_message_as_text_and_looking_at_it_decides_nothing()
    {
        var run = await AskingAsync(approvers: 1, message: "\"<script>alert(1)</script> 5 > 3\"");
        using var request = new HttpRequestMessage(HttpMethod.Get, Link(run));
        request.Headers.Accept.ParseAdd("text/html,application/xhtml+xml,*/*");
        using var answer = await _host.Anonymous.SendAsync(request);
        var page = await answer.Content.ReadAsStringAsync();
        Assert.Equal("text/html", answer.Content.Headers.ContentType!.MediaType);
        Assert.Contains("&lt;script&gt;alert(1)&lt;/script&gt; 5 &gt; 3", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page, StringComparison.Ordinal);
        Assert.Contains("<form method=\"post\">", page, StringComparison.Ordinal);
        Assert.StartsWith("default-src 'none'; style-src 'sha256-", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Equal(("no-store", "no-referrer"), (answer.Headers.CacheControl!.ToString(), answer.Headers.GetValues("Referrer-Policy").Single()));
        Assert.Equal(RunStatus.Paused, await database.StatusAsync(run));
    }

    [Theory]
    [InlineData("approve", true)]
    [InlineData("refuse", false)]
    public async Task The_form_decides_and_the_run_goes_on_with_who_said_what(string decision, bool approved)
    {
        var run = await AskingAsync(approvers: 1);
        using var request = new HttpRequestMessage(HttpMethod.Post, Link(run))
        {
            Content = new FormUrlEncodedContent(new Dictionary<string, string> { ["decision"] = decision, ["comment"] = "as <agreed>", ["name"] = " Anna " }),
        };
        request.Headers.Accept.ParseAdd("text/html");
        using var answer = await _host.Anonymous.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Contains("as &lt;agreed&gt;", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        var output = Assert.Single((await _host.ClaimAsync(run))!.Waits!).Output!.Value.ToElement();
        Assert.Equal(approved, output.GetProperty("approved").GetBoolean());
        var vote = output.GetProperty(approved ? "approvals" : "refusals")[0];
        Assert.Equal(("Anna", "as <agreed>"), (vote.GetProperty("by").GetString(), vote.GetProperty("comment").GetString()));
    }

    [Fact]
    public async Task Several_have_to_approve_and_each_counts_once()
    {
        var run = await AskingAsync(approvers: 2);
        var anna = Link(run, "anna@example.com");
        Assert.Equal((HttpStatusCode.OK, RunStatus.Paused), await VoteAsync(run, anna, "approve"));
        Assert.Equal((HttpStatusCode.OK, RunStatus.Paused), await VoteAsync(run, anna, "approve"));
        Assert.Equal((HttpStatusCode.OK, RunStatus.Paused), await VoteAsync(run, Link(run), "approve", name: "Anna@Example.com"));
        Assert.Equal((HttpStatusCode.Conflict, RunStatus.Paused), await VoteAsync(run, anna, "refuse"));
        Assert.Equal((HttpStatusCode.BadRequest, RunStatus.Paused), await VoteAsync(run, Link(run), "approve"));
        Assert.Equal((HttpStatusCode.OK, RunStatus.Queued), await VoteAsync(run, Link(run, "ben"), "approve"));
        Assert.Equal((HttpStatusCode.Conflict, RunStatus.Queued), await VoteAsync(run, Link(run, "eve"), "refuse"));
        Assert.Equal((HttpStatusCode.OK, RunStatus.Queued), await VoteAsync(run, Link(run, "ben"), "approve"));
    }

    [Fact]
    public async Task One_refusal_decides()
    {
        var run = await AskingAsync(approvers: 3);
        Assert.Equal((HttpStatusCode.OK, RunStatus.Paused), await VoteAsync(run, Link(run, "anna"), "approve"));
        Assert.Equal((HttpStatusCode.OK, RunStatus.Queued), await VoteAsync(run, Link(run, "ben"), "refuse"));
    }

    [Fact]
    public async Task Words_that_come_before_the_run_asks_count_when_it_does()
    {
        var run = await RunningAsync();
        Assert.Equal((HttpStatusCode.OK, RunStatus.Running), await VoteAsync(run, Link(run, "anna"), "approve"));
        await AskAsync(run, approvers: 2);
        Assert.Equal(RunStatus.Paused, await database.StatusAsync(run));
        Assert.Equal((HttpStatusCode.OK, RunStatus.Queued), await VoteAsync(run, Link(run, "ben"), "approve"));

        var other = await RunningAsync();
        Assert.Equal((HttpStatusCode.OK, RunStatus.Running), await VoteAsync(other, Link(other, "anna"), "refuse"));
        await AskAsync(other, approvers: 2);
        Assert.Equal(RunStatus.Queued, await database.StatusAsync(other));
    }

    [Theory]
    [InlineData("maybe", null, "$.decision")]
    [InlineData("approve", 2_001, "$.comment")]
    public async Task A_word_that_cannot_be_taken_is_refused_with_the_field(string decision, int? length, string field)
    {
        var run = await AskingAsync(approvers: 1);
        using var answer = await _host.Anonymous.PostAsJsonAsync(Link(run), new { decision, comment = length is { } n ? new string('x', n) : "" });
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal(field, (await RunsHost.JsonAsync(answer)).GetProperty("errors")[0].GetProperty("path").GetString());
    }

    [Fact]
    public async Task A_link_to_approve_does_not_resume_and_the_other_way_round()
    {
        var run = await AskingAsync(approvers: 1);
        using var resumed = await _host.Anonymous.PostAsync(Link(run).Replace("/approve/", "/resume/", StringComparison.Ordinal), null);
        Assert.Equal(HttpStatusCode.NotFound, resumed.StatusCode);
        Assert.Equal(RunStatus.Paused, await database.StatusAsync(run));
    }

    private async Task<(HttpStatusCode, RunStatus)> VoteAsync(Guid run, string link, string decision, string? name = null)
    {
        using var answer = await _host.Anonymous.PostAsJsonAsync(link, new { decision, name });
        return (answer.StatusCode, await database.StatusAsync(run));
    }

    private async Task<Guid> AskingAsync(int approvers, string? message = null)
    {
        var run = await RunningAsync();
        await AskAsync(run, approvers, message);
        Assert.Equal(RunStatus.Paused, await database.StatusAsync(run));
        return run;
    }

    private async Task AskAsync(Guid run, int approvers, string? message = null) => await _host.ReportAsync(
        run, 1, EndingWaits.Paused(new WaitRequest("ok", WaitKind.Approval, TimeProvider.System.GetUtcNow().AddDays(1), approvers, message is null ? null : RawJson.Parse(message))),
        steps: RunsDatabase.Step("ok", StepStatus.Paused));

    private async Task<Guid> RunningAsync()
    {
        var run = await _host.StartRunAsync(database.Flow);
        Assert.NotNull(await _host.ClaimAsync(run));
        return run;
    }

    private string Link(Guid run, string? approver = null) =>
        $"/approve/{ResumeToken.Create(run, LinkPurpose.Approve, "ok", approver, _host.Get<RunLinks>().KeyOf(run))}";
}
