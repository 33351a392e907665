using Flows.Api.Access;
using Flows.Api.Reference;
using Flows.Api.Runs;
using Flows.Api.Runs.Values;
using Flows.Api.Webhooks;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

namespace Flows.Api.Waits;

/// <summary>The answer to a call of a resume link.</summary>
public sealed record Resumed(Guid RunId);

/// <summary>
/// Resumes runs by HTTP from outside. The link is the credential; any method is taken, so that links in messages work. What the call brings is
/// the output of the waiting step. A call that comes before the run waits counts; one that comes twice counts once and has the same answer.
/// </summary>
internal static class ResumeEndpoints
{
    public static void MapResume(this IEndpointRouteBuilder app)
    {
        var resume = app.MapGroup("/resume").AllowAnonymous("The signed link is the credential.").AddEndpointFilter<UnavailableFilter>().WithTags("Resume")
            .WithMetadata(new SkipStatusCodePagesAttribute()); // what a flow answers is sent as it is
        resume.MapAnyAsPost("/{token}", Resume).WithSummary("Let a run go on that waits for a webhook, and answer at once")
            .Brings().MayRefuse(StatusCodes.Status404NotFound, StatusCodes.Status410Gone);
        resume.MapAnyAsPost("/{token}/sync", ResumeAndWait).WithSummary("Let it go on, and answer with what it responds next")
            .Brings().Answers(StatusCodes.Status200OK, "*/*", "What the flow responds, with the status, headers and content type that it sets; its output when it responds nothing.", "What the flow says")
            .Produces<PendingRun>(StatusCodes.Status202Accepted)
            .MayRefuse(StatusCodes.Status404NotFound, StatusCodes.Status409Conflict, StatusCodes.Status410Gone, StatusCodes.Status500InternalServerError, StatusCodes.Status504GatewayTimeout);
    }

    private static RouteHandlerBuilder Brings(this RouteHandlerBuilder route) => route
        .WithDescription("Any method is taken, so that links in messages work. What the call brings is the output of the waiting step. A call that comes before the run waits counts, and one that comes twice counts once.")
        .ReadsBody("Anything: JSON, a form, text or bytes.", """{ "paid": true }""");

    private static async Task<Results<Accepted<Resumed>, ProblemHttpResult>> Resume(
        string token, HttpContext http, RunLinks links, RunStore store, RunAnnouncer announcer, PublicUrl url, CancellationToken cancel)
    {
        Discreet(http);
        if (links.Read(token, LinkPurpose.Resume) is not { } link)
            return NoSuchLink();
        var (refusal, _, _) = await CompleteAsync(link, waiter: null, http, store, announcer, cancel);
        if (refusal is not null)
            return refusal;
        http.Response.Headers[WebhookEndpoints.RunIdHeader] = link.RunId.ToString();
        return TypedResults.Accepted(StatusUrl(url, http, link.RunId), new Resumed(link.RunId));
    }

    private static async Task<IResult> ResumeAndWait(
        string token, HttpContext http, RunLinks links, RunStore store, RunAnnouncer announcer, RunWaiters waiters, RunReader runs, RunValues values, PublicUrl url,
        IOptions<RunTimeouts> timeouts, CancellationToken cancel)
    {
        Discreet(http);
        if (links.Read(token, LinkPurpose.Resume) is not { } link)
            return NoSuchLink();
        var (refusal, projectId, isFirst) = await CompleteAsync(link, waiters.Instance, http, store, announcer, cancel);
        if (refusal is not null)
            return refusal;

        http.Response.Headers[WebhookEndpoints.RunIdHeader] = link.RunId.ToString();
        var statusUrl = StatusUrl(url, http, link.RunId);
        // After the commit: before it the run is Paused, which would be taken for the answer. What is missed in between the look finds. Who
        // calls again gets the answer that there is by now, and does not take the place of who called first.
        using var waiter = isFirst ? waiters.Register(link.RunId, atResponse: true) : null;
        var news = (await runs.NewsAsync([link.RunId], cancel)).SingleOrDefault();
        if (waiter is not null)
        {
            if (news is not null)
                waiter.Deliver(news);
            news = await waiter.WaitAsync(timeouts.Value.Webhook, cancel);
        }
        if (news is not null)
            return WebhookEndpoints.Answer(link.RunId, await values.WholeAsync(news, cancel), statusUrl);
        var now = await runs.FindAsync(projectId, link.RunId, cancel);
        return TypedResults.Accepted(statusUrl, new PendingRun(link.RunId, now?.Status ?? RunStatus.Queued, statusUrl));
    }

    private static async Task<(ProblemHttpResult? Refusal, Guid ProjectId, bool IsFirst)> CompleteAsync(
        ResumeToken link, string? waiter, HttpContext http, RunStore store, RunAnnouncer announcer, CancellationToken cancel)
    {
        var payload = await WebhookTrigger.ReadAsync(http.Request, cancel);
        var changed = await store.ChangeWaitAsync(link.RunId, link.Path, wait => Change(wait, payload, waiter), cancel);
        if (changed is not ({ } before, var woken))
            return (Gone(), Guid.Empty, false);
        if (woken is not null)
            announcer.Announce([woken]);
        var refusal = before switch
        {
            _ when RunTransitions.IsFinal(before.Status) => Gone(),
            { Point.Status: WaitStatus.Expired } => RunProblems.Of(StatusCodes.Status410Gone, "wait_expired", "This link was not called in time; the run has gone on without it."),
            _ => null,
        };
        return (refusal, before.ProjectId, before.Point is not { Status: not WaitStatus.Open });
    }

    private static WaitChange? Change(LockedWait wait, RawJson payload, string? waiter) =>
        RunTransitions.IsFinal(wait.Status) || wait.Point is { Status: not WaitStatus.Open }
            ? null
            : new WaitChange(WaitKind.Webhook, WaitStatus.Completed, payload, Waiter: waiter);

    /// <summary>Nobody keeps or passes on an address that is a credential.</summary>
    internal static void Discreet(HttpContext http)
    {
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers["Referrer-Policy"] = "no-referrer";
    }

    internal static ProblemHttpResult NoSuchLink() => RunProblems.Of(StatusCodes.Status404NotFound, "link_not_found", "There is no such link.");

    internal static ProblemHttpResult Gone() => RunProblems.Of(StatusCodes.Status410Gone, "run_over", "The run that this link belongs to is over.");

    private static string StatusUrl(PublicUrl url, HttpContext http, Guid runId) => url.Of(http.Request, $"/api/v1/runs/{runId}");
}
