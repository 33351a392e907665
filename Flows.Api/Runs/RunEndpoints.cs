using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Files;
using Flows.Api.Flows.Testing;
using Flows.Api.Reference;
using Flows.Api.Runs.Events;
using Flows.Api.Runs.Values;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Flows.Api.Runs;

internal static class RunEndpoints
{
    private const int MaxWaitSeconds = 900;
    private const int MaxSteps = 500;
    private const int TriesAgainstRaces = 5;
    private const int MaxSearchText = 200;
    private static readonly TimeSpan s_searched = TimeSpan.FromDays(31);

    public static IEndpointRouteBuilder MapRuns(this IEndpointRouteBuilder app)
    {
        var api = app.MapGroup("/api/v1").AddEndpointFilter<UnavailableFilter>().WithTags("Runs");
        api.MapPost("/flows/{flowId:guid}/runs", StartRun).Requires(Permission.StartRuns).NotAudited("The run is its own record.")
            .WithSummary("Start a run of the published version; ?wait=seconds answers with the outcome").TakesPayload().MayRefuse(StatusCodes.Status409Conflict);
        api.MapPost("/flows/{flowId:guid}/draft/runs", StartDraftRun).Requires(Permission.StartRuns).NotAudited("The run is its own record.")
            .WithSummary("Start a test run of the draft as it is now: all of it, up to a step, or one step alone").TakesPayload();
        api.MapGet("/runs", ListRuns).Requires(Permission.ReadRuns).WithSummary("The project's runs, newest first; by flow, status, time, tag and text of the error");
        api.MapGet("/runs.csv", ExportRuns).Requires(Permission.ReadRuns).WithSummary($"The same as a table, at most {RunCsv.MaxRows:N0} runs")
            .Answers(StatusCodes.Status200OK, "text/csv", "A line for each run.", CsvExample);
        api.MapGet("/runs/chart", ShowChart).Requires(Permission.ReadRuns).WithSummary("The same, counted by status over time");
        api.MapGet("/runs/{runId:guid}", GetRun).Requires(Permission.ReadRuns).WithSummary("One run: how it stands, who holds it, what it waits for, its output or where a large one is");
        api.MapGet("/runs/{runId:guid}/steps", GetSteps).Requires(Permission.ReadRuns)
            .WithSummary("The journal: every step with its input and output or where large ones are, in the order they started");
        api.MapGet("/runs/{runId:guid}/steps/history", GetHistory).Requires(Permission.ReadRuns).WithSummary("The lines that failed and were set aside when the run was retried");
        api.MapPost("/runs/{runId:guid}/cancel", CancelRun).Requires(Permission.ActOnRuns).Audited("run.cancelled", ahead: true).WithSummary("End a run that is not over; a running engine is killed").MayRefuse(StatusCodes.Status409Conflict);
        api.MapPost("/runs/{runId:guid}/decide", Decide).Requires(Permission.ActOnRuns).Audited("run.decided", ahead: true).WithSummary("Say whether an effect happened that a crash has left uncertain").MayRefuse(StatusCodes.Status409Conflict);
        api.MapRetries();
        api.MapRunEvents();
        api.MapValues();
        app.MapFiles();
        return app;
    }

    private const string CsvExample = """
        id,flowId,version,status,environment,createdAt,startedAt,finishedAt,attempt,failedStep,errorCode,errorMessage,tags
        0199b3d0-1c55-7e0a-8a31-5b7d0c9e4f21,0199b3c1-7f2e-7c41-9d55-3f1f0b6f2a10,2,Failed,Production,2026-03-02T09:15:04.1200000+00:00,2026-03-02T09:15:04.1300000+00:00,2026-03-02T09:15:04.3900000+00:00,1,charge,service_refused,The card was refused.,order-42
        """;

    private static RouteHandlerBuilder TakesPayload(this RouteHandlerBuilder route) => route
        .ReadsBody("What the trigger gives to the flow: any JSON value; null when it is left out.", """{ "body": { "name": "Ada" } }""")
        .Reads(RunTags.Header, "Words that the run is found by, with commas between; at most 10 of at most 100 characters.", "order-42");

    /// <summary>Starts the published version with the body as trigger output. With <c>wait</c> (seconds) it answers 200 once the run has ended.</summary>
    private static async Task<Results<Ok<RunView>, Accepted<RunView>, ProblemHttpResult>> StartRun(
        Guid flowId, int? wait, HttpRequest request, CurrentProject project, PublishedFlows flows, RunStarter starter, RunWaiters waiters,
        RunReader runs, CancellationToken cancel)
    {
        if (wait is < 1 or > MaxWaitSeconds)
            return WaitProblem();
        if (await flows.FindAsync(flowId, cancel) is not { } flow || flow.ProjectId != project.Id)
            return RunProblems.NoSuchFlow();
        if (flow.VersionId is null)
            return RunProblems.NotPublished();
        if (!flow.Enabled)
            return RunProblems.Disabled();

        var tags = RunTags.Read(request, out var tagProblem);
        if (tagProblem is not null)
            return Problems.BadRequest(tagProblem.Path, tagProblem.Message);
        var payload = RequestBody.ParseJson(await RequestBody.ReadAsync(request, cancel));
        var runId = starter.NewId();
        using var waiter = wait is null ? null : waiters.Register(runId, atResponse: false);
        var run = await starter.StartAsync(flow, runId, RunOrigin.Api, payload, waiter, cancel, tags);
        return await AnswerAsync(run, waiter, wait, runs, cancel);
    }

    /// <summary>Starts a test run of the draft as it is now: of all of it, up to a step, or of one step alone.</summary>
    private static async Task<Results<Ok<RunView>, Accepted<RunView>, ProblemHttpResult>> StartDraftRun(
        Guid flowId, int? wait, HttpRequest request, CurrentProject project, TestRuns tests, RunStarter starter, RunWaiters waiters, RunReader runs, CancellationToken cancel,
        string? step = null, bool only = false, bool pinned = true)
    {
        if (wait is < 1 or > MaxWaitSeconds)
            return WaitProblem();
        var tags = RunTags.Read(request, out var tagProblem);
        if (tagProblem is not null)
            return Problems.BadRequest(tagProblem.Path, tagProblem.Message);
        var body = await RequestBody.ReadAsync(request, cancel);
        var payload = RequestBody.ParseJson(body);
        var (test, problem) = await tests.PrepareAsync(project.Id, flowId, new TestAsk(step, only, pinned, body.IsEmpty ? null : payload), cancel);
        if (test is null)
            return problem!;
        var runId = starter.NewId();
        using var waiter = wait is null ? null : waiters.Register(runId, atResponse: false);
        var run = await starter.StartTestAsync(project.Id, flowId, test.VersionId, runId, RunOrigin.Test, test.Trigger, test.Plan, waiter, tags, cancel);
        return await AnswerAsync(run, waiter, wait, runs, cancel);
    }

    private static async Task<Results<Ok<Page<RunView>>, ProblemHttpResult>> ListRuns(
        [AsParameters] RunQuery query, [AsParameters] PageQuery page, CurrentProject project, RunReader runs, TimeProvider clock, CancellationToken cancel)
    {
        if (!page.TryRead(out var limit, out var before, out var problem))
            return problem;
        return Read(query, project, before, limit, clock.GetUtcNow(), out var filter) is { } wrong ? wrong : TypedResults.Ok(await runs.ListAsync(filter, cancel));
    }

    private static Results<RunCsv, ProblemHttpResult> ExportRuns([AsParameters] RunQuery query, CurrentProject project, RunReader runs, TimeProvider clock) =>
        Read(query, project, before: null, limit: 1, clock.GetUtcNow(), out var filter) is { } wrong ? wrong : new RunCsv(runs, filter);

    private static async Task<Results<Ok<RunChart>, ProblemHttpResult>> ShowChart(
        [AsParameters] RunQuery query, int? buckets, CurrentProject project, ListDatabase lists, TimeProvider clock, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var to = query.To ?? now;
        var from = query.From ?? Before(to, RunChart.Usual);
        if (buckets is < 1 or > RunChart.MostBuckets)
            return Problems.BadRequest("buckets", $"It must be from 1 to {RunChart.MostBuckets}.");
        if (from >= to || to - from > RunChart.Longest)
            return Problems.BadRequest(query.From is null ? "to" : "from", $"'from' must be before 'to', and at most {RunChart.Longest.Days} days before it.");
        if (Read(query with { From = from, To = to }, project, before: null, RunChart.MostRuns, now, out var filter) is { } wrong)
            return wrong;
        return TypedResults.Ok(await RunChart.CountAsync(lists, filter, from, to, buckets ?? RunChart.UsualBuckets, cancel));
    }

    // The beginning of the calendar is a moment as well.
    private static DateTimeOffset Before(DateTimeOffset moment, TimeSpan span) =>
        moment - DateTimeOffset.MinValue > span ? moment - span : DateTimeOffset.MinValue;

    /// <summary>The filter of a list, or what is wrong with the query.</summary>
    private static ProblemHttpResult? Read(RunQuery query, CurrentProject project, Guid? before, int limit, DateTimeOffset now, out RunFilter filter)
    {
        filter = null!;
        var statuses = new List<RunStatus>();
        foreach (var word in (query.Status ?? []).SelectMany(value => value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)))
        {
            if (!Enum.TryParse<RunStatus>(word, ignoreCase: true, out var parsed) || !Enum.IsDefined(parsed) || char.IsAsciiDigit(word[0]))
                return Problems.BadRequest("status", $"'{word}' is not a status. It is one of {string.Join(", ", Enum.GetNames<RunStatus>())}.");
            statuses.Add(parsed);
        }
        if (query.Q is { Length: > MaxSearchText })
            return Problems.BadRequest("q", $"At most {MaxSearchText} characters are allowed.");
        if (query.Tag is { } tag && RunTags.Check("tag", [tag]) is { } wrongTag)
            return Problems.BadRequest(wrongTag.Path, wrongTag.Message);
        if (query.Q?.Contains('\0', StringComparison.Ordinal) == true)
            return Problems.BadRequest("q", "It must not contain the character NUL.");
        if (!string.IsNullOrEmpty(query.Q) && !RunSearch.HasWord(query.Q))
            return Problems.BadRequest("q", $"It must have {RunSearch.LeastInARow} letters or digits in a row: the index of errors knows nothing shorter.");
        // Where there is no index, and for words that most errors have: without a beginning, only those of the last month are looked through.
        var from = query.From ?? (string.IsNullOrEmpty(query.Q) ? null : Before(query.To ?? now, s_searched));
        filter = new RunFilter(project.Id, query.Flow, statuses, from, query.To, before, limit)
        {
            Tag = string.IsNullOrEmpty(query.Tag) ? null : query.Tag,
            ErrorText = string.IsNullOrEmpty(query.Q) ? null : query.Q,
        };
        return null;
    }

    private static async Task<Results<Ok<RunView>, ProblemHttpResult>> GetRun(
        Guid runId, HttpRequest request, CurrentProject project, RunReader runs, PublicUrl url, CancellationToken cancel) =>
        await runs.FindAsync(project.Id, runId, cancel, path => url.Of(request, path)) is { } run ? TypedResults.Ok(run) : RunProblems.NoSuchRun();

    private static Task<Results<Ok<Page<StepView>>, ProblemHttpResult>> GetSteps(
        Guid runId, int? limit, string? cursor, CurrentProject project, RunReader runs, CancellationToken cancel) =>
        PageOfAsync(runs.FindStepsAsync, runId, limit, cursor, project, cancel);

    private static Task<Results<Ok<Page<StepView>>, ProblemHttpResult>> GetHistory(
        Guid runId, int? limit, string? cursor, CurrentProject project, RunReader runs, CancellationToken cancel) =>
        PageOfAsync(runs.FindHistoryAsync, runId, limit, cursor, project, cancel);

    private static async Task<Results<Ok<Page<StepView>>, ProblemHttpResult>> PageOfAsync(
        Func<Guid, Guid, int, StepCursor?, CancellationToken, Task<Page<StepView>?>> find, Guid runId, int? limit, string? cursor, CurrentProject project,
        CancellationToken cancel)
    {
        if (limit is < 1 or > MaxSteps)
            return Problems.BadRequest("limit", $"It must be from 1 to {MaxSteps}.");
        StepCursor? after = null;
        if (!string.IsNullOrEmpty(cursor) && (after = StepCursor.Parse(cursor)) is null)
            return Problems.BadRequest("cursor", "It is not a cursor of this list.");
        return await find(project.Id, runId, limit ?? MaxSteps, after, cancel) is { } steps ? TypedResults.Ok(steps) : RunProblems.NoSuchRun();
    }

    /// <summary>Ends a run that is not over. An engine that works on it is killed within seconds.</summary>
    private static async Task<Results<Ok<RunView>, ProblemHttpResult>> CancelRun(
        Guid runId, CurrentProject project, RunStore store, RunAnnouncer announcer, RunReader runs, CancellationToken cancel)
    {
        for (var i = 0; i < TriesAgainstRaces; i++)
        {
            if (await store.TryCancelAsync(project.Id, runId, cancel) is { } cancelled)
                announcer.Announce([cancelled]);
            if (await runs.FindAsync(project.Id, runId, cancel) is not { } run)
                return RunProblems.NoSuchRun();
            if (run.Status == RunStatus.Cancelled)
                return TypedResults.Ok(run);
            if (RunTransitions.IsFinal(run.Status))
                return RunProblems.WrongStatus(run.Status, $"The run is over already: {run.Status}.");
            // It was claimed or handed back in between: what we knew of it was old.
        }
        throw new UnavailableException("The run keeps changing. Try again in a moment.");
    }

    /// <summary>A person's word on a step whose effect may or may not have happened.</summary>
    private static async Task<Results<Ok<RunView>, ProblemHttpResult>> Decide(
        Guid runId, DecideRequest request, CurrentProject project, RunStore store, RunAnnouncer announcer, RunReader runs, AuditTrail audit, CancellationToken cancel)
    {
        if (!Enum.TryParse<Decision>(request.Decision, ignoreCase: true, out var decision) || char.IsAsciiDigit(request.Decision[0]))
            return Problems.BadRequest("$.decision", "decision must be happened, repeat or stop.");
        if (request.Output is not null && decision != Decision.Happened)
            return Problems.BadRequest("$.output", "An output goes with the decision happened only.");

        var news = await store.TryDecideAsync(project.Id, runId, request.Path, decision, request.Output, cancel);
        if (news is not null)
            announcer.Announce([news]);
        audit.Tell(after: new { Step = request.Path, Decision = decision });
        if (await runs.FindAsync(project.Id, runId, cancel) is not { } run)
            return RunProblems.NoSuchRun();
        if (news is not null)
            return TypedResults.Ok(run);
        return run.Status == RunStatus.NeedsDecision
            ? Problems.BadRequest("$.path", $"The run waits for no decision on '{request.Path}'.")
            : RunProblems.WrongStatus(run.Status, $"The run waits for no decision: {run.Status}.");
    }

    private static async Task<Results<Ok<RunView>, Accepted<RunView>, ProblemHttpResult>> AnswerAsync(
        NewRun run, RunWaiters.Waiter? waiter, int? wait, RunReader runs, CancellationToken cancel)
    {
        var location = $"/api/v1/runs/{run.RunId}";
        if (waiter is null)
            return TypedResults.Accepted(location, AsAccepted(run));

        // A pause or a decision ends the wait as well: nothing will come of it soon.
        var news = await waiter.WaitAsync(TimeSpan.FromSeconds(wait!.Value), cancel);
        var view = await runs.FindAsync(run.ProjectId, run.RunId, cancel, whole: true) ?? AsAccepted(run);
        return news is not null && RunTransitions.IsFinal(view.Status) ? TypedResults.Ok(view) : TypedResults.Accepted(location, view);
    }

    private static RunView AsAccepted(NewRun run) => new(
        run.RunId, run.FlowId, run.Version, RunStatus.Queued, run.Environment, null, run.CreatedAt, null, null, 0, null, null, null, null, null, null)
    { Origin = run.Origin };

    /// <param name="Status">Words with commas between, or the parameter several times.</param>
    /// <param name="From">Accepted at or after this moment.</param>
    /// <param name="To">Accepted before this moment.</param>
    /// <param name="Tag">One of the run's tags.</param>
    /// <param name="Q">A part of the error's message.</param>
    internal readonly record struct RunQuery(Guid? Flow, string[]? Status, DateTimeOffset? From, DateTimeOffset? To, string? Tag, string? Q);

    private static ProblemHttpResult WaitProblem() => Problems.BadRequest("wait", $"wait must be from 1 to {MaxWaitSeconds} seconds.");
}
