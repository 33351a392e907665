using Flows.Api.Access;
using Flows.Api.Reference;
using Flows.Api.Runs;
using Flows.Api.Runs.Values;
using Flows.Api.Triggers;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

namespace Flows.Api.Webhooks;

/// <summary>
/// Starts flows by HTTP from outside. The address is the flow's id; any method is taken; the caller needs no credential.
/// A caller of <c>/sync</c> gets the flow's own answer, and every other ending of the run has an answer as well: see <see cref="Answer"/>.
/// </summary>
internal static class WebhookEndpoints
{
    /// <summary>Sent with every answer for which there is a run.</summary>
    public const string RunIdHeader = "Flows-Run-Id";

    public static IEndpointRouteBuilder MapWebhooks(this IEndpointRouteBuilder app)
    {
        var webhooks = app.MapGroup("/webhooks").AllowAnonymous("Services call it; the flow's own trigger says what they must present.").AddEndpointFilter(MeasureAsync).AddEndpointFilter<UnavailableFilter>().WithTags("Webhooks")
            .WithMetadata(new SkipStatusCodePagesAttribute()); // what a flow answers is sent as it is
        webhooks.MapAnyAsPost("/{flowId:guid}", Catch).WithSummary("Start the flow and answer at once with the run's id")
            .Produces<AcceptedRun>(StatusCodes.Status202Accepted).ShakesHands().Refuses();
        webhooks.MapAnyAsPost("/{flowId:guid}/sync", CatchAndWait).WithSummary("Start the flow and answer with what it responds")
            .Produces<PendingRun>(StatusCodes.Status202Accepted)
            .Answers(StatusCodes.Status200OK, "*/*", "What the flow responds, with the status, headers and content type that it sets; its output when it responds nothing.", "What the flow says")
            .ProducesProblem(StatusCodes.Status500InternalServerError).ProducesProblem(StatusCodes.Status504GatewayTimeout).Refuses();
        webhooks.MapAnyAsPost("/{flowId:guid}/test", Test).WithSummary("Start a test run of the draft as it is now, under the rules of the draft's trigger")
            .Produces<AcceptedRun>(StatusCodes.Status202Accepted).ShakesHands().Refuses();
        app.MapHooks();
        return app;
    }

    private static async ValueTask<object?> MeasureAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var services = context.HttpContext.RequestServices;
        var clock = services.GetRequiredService<TimeProvider>();
        var began = clock.GetTimestamp();
        var answer = await next(context);
        var path = context.HttpContext.Request.Path.Value.AsSpan();
        services.GetRequiredService<RunMetrics>().Called(
            path.EndsWith("/sync", StringComparison.Ordinal) ? "sync" : path.EndsWith("/test", StringComparison.Ordinal) ? "test" : "async",
            answer is IStatusCodeHttpResult { StatusCode: { } status } ? status : StatusCodes.Status200OK, clock.GetElapsedTime(began));
        return answer;
    }

    private static RouteHandlerBuilder ShakesHands(this RouteHandlerBuilder webhook) =>
        webhook.Answers(StatusCodes.Status200OK, "text/plain", "The answer to a service that asks whether the address is meant for it; no run is started.", "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P");

    /// <summary>What every webhook may answer instead of starting a run.</summary>
    private static void Refuses(this RouteHandlerBuilder webhook)
    {
        webhook.WithDescription("Any method and any content type are taken; the trigger's settings say what the caller must prove, and whether a handshake of a service is answered here.")
            .ReadsBody("JSON, a form (with files), text or bytes; the trigger gives it to the flow with the headers and the query.", """{ "name": "Ada" }""")
            .Reads("Idempotency-Key", "The same key within 24 hours gives the same run, and the answer has `Idempotency-Replayed: true`.", "order-42")
            .Reads(RunTags.Header, "Words that the run is found by, with commas between; at most 10 of at most 100 characters.", "order-42");
        foreach (var status in (int[])[400, 401, 403, 404, 409, 413, 422, 429, 503])
            webhook.WithMetadata(new ProducesResponseTypeMetadata(status, typeof(ProblemDetails), ["application/problem+json"]));
    }

    private static async Task<IResult> Catch(
        Guid flowId, HttpContext http, PublishedFlows flows, WebhookIntake intake, PublicUrl url, CancellationToken cancel)
    {
        var flow = await flows.FindAsync(flowId, cancel);
        if (Refusal(flow) is { } refusal)
            return refusal;
        var (accepted, answer) = await intake.AcceptAsync(flow!, http, waiter: null, cancel);
        return accepted is null ? answer! : TypedResults.Accepted(StatusUrl(url, http, accepted.RunId), new AcceptedRun(accepted.RunId));
    }

    private static async Task<IResult> CatchAndWait(
        Guid flowId, HttpContext http, PublishedFlows flows, WebhookIntake intake, RunStarter starter, RunWaiters waiters, RunReader runs, RunValues values, PublicUrl url,
        IOptions<RunTimeouts> timeouts, CancellationToken cancel)
    {
        var flow = await flows.FindAsync(flowId, cancel);
        if (Refusal(flow) is { } refusal)
            return refusal;

        var runId = starter.NewId();
        using var waiter = waiters.Register(runId, atResponse: true);
        var (accepted, answer) = await intake.AcceptAsync(flow!, http, new(runId, waiter), cancel);
        if (accepted is null)
            return answer!;
        var statusUrl = StatusUrl(url, http, accepted.RunId);
        var news = accepted.IsNew
            ? await waiter.WaitAsync(timeouts.Value.Webhook, cancel)
            : await intake.WaitForAsync(accepted.RunId, timeouts.Value.Webhook, cancel);
        if (news is not null)
            return Answer(accepted.RunId, await values.WholeAsync(news, cancel), statusUrl);

        var now = await runs.FindAsync(flow!.ProjectId, accepted.RunId, cancel);
        return TypedResults.Accepted(statusUrl, new PendingRun(accepted.RunId, now?.Status ?? RunStatus.Queued, statusUrl));
    }

    private static async Task<IResult> Test(Guid flowId, HttpContext http, WebhookIntake intake, PublicUrl url, CancellationToken cancel)
    {
        var (accepted, answer) = await intake.AcceptDraftAsync(flowId, http, cancel);
        return accepted is null ? answer! : TypedResults.Accepted(StatusUrl(url, http, accepted.RunId), new AcceptedRun(accepted.RunId));
    }

    /// <summary>
    /// The respond step's answer as soon as it is stored. Without one: 200 with the output when the flow succeeded; 500 <c>flow_failed</c> and
    /// 504 <c>flow_timed_out</c> with step and run; 409 <c>run_cancelled</c>; and 202 with the place to look when the run
    /// is paused or waits for a decision. A run that has not ended in time is answered as such a one.
    /// </summary>
    /// <param name="news">Whole: see <see cref="RunValues.WholeAsync(RunNews, CancellationToken)"/>.</param>
    internal static IResult Answer(Guid runId, RunNews news, string statusUrl) => news switch
    {
        { Response: { } response } => WebhookAnswer.Of(response),
        { Status: RunStatus.Succeeded } => new WebhookAnswer(StatusCodes.Status200OK, null, news.Output ?? RawJson.Null),
        { Status: RunStatus.Failed } => Failed(StatusCodes.Status500InternalServerError, "flow_failed", "The flow failed", runId, news.FailedStep),
        { Status: RunStatus.TimedOut } => Failed(StatusCodes.Status504GatewayTimeout, "flow_timed_out", "The flow used up its time", runId, news.FailedStep),
        { Status: RunStatus.Cancelled } => RunProblems.Of(StatusCodes.Status409Conflict, "run_cancelled", "The run was cancelled.", ("runId", runId)),
        _ => TypedResults.Accepted(statusUrl, new PendingRun(runId, news.Status, statusUrl)),
    };

    // The caller is anybody: it learns which step failed, and the run itself says why to those who may read it.
    private static ProblemHttpResult Failed(int status, string code, string what, Guid runId, string? step) =>
        RunProblems.Of(status, code, step is null ? $"{what}." : $"{what} at step '{step}'.", ("runId", runId), ("step", step));

    private static ProblemHttpResult? Refusal(PublishedFlow? flow) => flow switch
    {
        null => RunProblems.NoSuchFlow(),
        { VersionId: null } => RunProblems.NotPublished(),
        { Enabled: false } => RunProblems.Disabled(),
        { TriggerPiece: not WebhookRules.Piece } => RunProblems.Of(StatusCodes.Status409Conflict, "not_a_webhook",
            $"The flow is started by '{flow.TriggerPiece}', not by a webhook."),
        _ => null,
    };

    private static string StatusUrl(PublicUrl url, HttpContext http, Guid runId) => url.Of(http.Request, $"/api/v1/runs/{runId}");
}
