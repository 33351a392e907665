using System.Collections.Concurrent;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Flows.Worker.Sandbox;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Flows.Tests.Worker;

/// <summary>Calls of pieces as a worker does them, with engines that do what their part is called.</summary>
public sealed class CallingPieces
{
    [Fact]
    public async Task An_engine_answers_again_for_its_project_and_not_for_another()
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        var first = await AskAsync(worker, "answer", worker.Project);
        var second = await AskAsync(worker, "answer", worker.Project);
        var other = await AskAsync(worker, "answer", Guid.CreateVersion7());
        Assert.Equal(PidOf(first), PidOf(second));
        Assert.NotEqual(PidOf(first), PidOf(other));
    }

    [Theory]
    [InlineData("crash")]
    [InlineData("garbage")]
    [InlineData("other")]
    public async Task An_engine_that_breaks_is_an_answer_and_the_next_call_has_another_one(string part)
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        var broken = await AskAsync(worker, part, worker.Project);
        Assert.Equal(("engine_crashed", true), (broken.Answer.Error!.Code, broken.Answer.IsTransient));
        Assert.NotNull((await AskAsync(worker, "answer", worker.Project)).Answer.Events);
    }

    [Fact]
    public async Task An_engine_that_hangs_is_ended_after_the_time_of_the_call()
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        var hung = await AskAsync(worker, "hang", worker.Project, timeoutMs: 1);
        Assert.Contains("did not answer within 0 s and was ended", hung.Answer.Error!.Message, StringComparison.Ordinal);
        await AskAsync(worker, "answer", worker.Project);
        Assert.Equal(1, worker.Services.GetRequiredService<PieceEngines>().Count);
    }

    [Fact]
    public async Task An_answer_is_sent_again_while_the_api_is_away_and_dropped_when_it_is_stale()
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        var tries = 0;
        worker.Api.Interfere = path => Task.FromResult(path == WorkerRoutes.PieceAnswer && Interlocked.Increment(ref tries) == 1 ? Results.StatusCode(503) : null);
        await AskAsync(worker, "answer", worker.Project);
        Assert.Equal(2, tries);

        worker.Api.Interfere = path => Task.FromResult(path == WorkerRoutes.PieceAnswer && Interlocked.Increment(ref tries) == 3 ? Results.StatusCode(409) : null);
        worker.Api.PieceCalls.Enqueue(Call("answer", worker.Project)); // its answer is stale
        await AskAsync(worker, "answer", worker.Project);
        Assert.Equal(4, tries);
    }

    [Fact]
    public async Task What_the_api_refuses_is_reported_as_refused()
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        var tries = 0;
        worker.Api.Interfere = path => Task.FromResult(path == WorkerRoutes.PieceAnswer && Interlocked.Increment(ref tries) == 1 ? Results.StatusCode(413) : null);
        var refused = await AskAsync(worker, "answer", worker.Project);
        Assert.Equal("report_refused", refused.Answer.Error!.Code);
    }

    [Fact]
    public async Task A_call_whose_token_the_service_refuses_is_done_once_more_with_another()
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        var asked = new ConcurrentQueue<RefusedToken>();
        worker.Api.OtherToken = refused =>
        {
            asked.Enqueue(refused);
            return new OtherToken(Token("good"));
        };
        var report = await AskAsync(worker, "token", worker.Project, connection: Token("old"));
        Assert.NotNull(report.Answer.Events);
        var refused = Assert.Single(asked);
        Assert.Equal((report.Id, report.Attempt, PieceCallKind.Poll, TokenMark.Of("old"), report.Worker), (refused.Id, refused.Attempt, refused.Kind, refused.Token, refused.Worker));
    }

    [Fact]
    public async Task A_service_that_does_not_take_the_other_token_either_is_not_asked_a_third_time()
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        var asked = 0;
        worker.Api.OtherToken = _ => new OtherToken(Token($"other-{Interlocked.Increment(ref asked)}"));
        var report = await AskAsync(worker, "token", worker.Project, connection: Token("old"));
        Assert.Equal(("unauthorized", "scripted.token: not with other-1."), (report.Answer.Error!.Code, report.Answer.Error.Message));
        Assert.Equal(1, asked);
    }

    [Fact]
    public async Task Without_another_token_the_first_answer_says_why()
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        worker.Api.OtherToken = _ => new OtherToken(null, new StepError("needs_sign_in", "the connection 'svc' needs a sign-in: invalid_grant."));
        var report = await AskAsync(worker, "token", worker.Project, connection: Token("old"));
        Assert.Equal(("needs_sign_in", "scripted.token: not with old. The connection 'svc' needs a sign-in: invalid_grant."), (report.Answer.Error!.Code, report.Answer.Error.Message));

        worker.Api.Interfere = path => Task.FromResult(path == WorkerRoutes.PieceToken ? Results.StatusCode(409) : null);
        Assert.Equal("unauthorized", (await AskAsync(worker, "token", worker.Project, connection: Token("old"))).Answer.Error!.Code);
    }

    [Fact]
    public async Task A_refused_secret_that_is_no_token_is_an_answer_and_nothing_is_renewed()
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        var asked = 0;
        worker.Api.OtherToken = _ => new OtherToken(Token($"good{Interlocked.Increment(ref asked)}"));
        Assert.Equal("unauthorized", (await AskAsync(worker, "token", worker.Project, connection: RawJson.Parse("""{ "accessToken": "typed in by a person" }"""))).Answer.Error!.Code);
        Assert.Equal(0, asked);
    }

    [Fact]
    public async Task A_worker_without_places_asks_for_nothing()
    {
        await using var worker = await WorkerUnderTest.StartAsync(settings: ("Flows:Worker:PieceCalls", "0"));
        worker.Api.PieceCalls.Enqueue(Call("answer", worker.Project));
        await worker.RunAsync(""); // it is alive
        Assert.Single(worker.Api.PieceCalls);
    }

    private static RawJson Token(string token) => RawJson.Parse($$"""{ "kind": "oauth2", "accessToken": "{{token}}" }""");

    private static PieceClaim Call(string part, Guid project, int timeoutMs = 30_000, RawJson? connection = null) => new(project, Guid.CreateVersion7(), 1, new PieceRequest(
        Guid.CreateVersion7(), PieceCallKind.Poll, Guid.CreateVersion7(), "scripted", part, RawJson.Parse("{}"), connection, timeoutMs, 1 << 20));

    private static async Task<PieceReport> AskAsync(WorkerUnderTest worker, string part, Guid project, int timeoutMs = 30_000, RawJson? connection = null)
    {
        var call = Call(part, project, timeoutMs, connection);
        worker.Api.PieceCalls.Enqueue(call);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var report = await worker.Api.PieceReports.Reader.ReadAsync(limit.Token);
        while (report.Id != call.Id)
            report = await worker.Api.PieceReports.Reader.ReadAsync(limit.Token);
        return report;
    }

    private static int PidOf(PieceReport report) => report.Answer.Events!.Items[0].Output.ToElement().GetProperty("pid").GetInt32();
}
