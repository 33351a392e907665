using Flows.Api.Access;
using Flows.Api.Reference;
using Flows.Api.Runs;
using Flows.Contracts.Runs;
using Microsoft.AspNetCore.Mvc;

namespace Flows.Api.Waits;

/// <summary>
/// The page that asks for an approval. The link is the credential. Looking never decides, whoever looks (mail programs open links to
/// check them): a word is a POST of the page's form, or of the same as JSON.
/// </summary>
internal static class ApprovalEndpoints
{
    private const long MaxBytes = 64 << 10;

    public static void MapApprovals(this IEndpointRouteBuilder app)
    {
        var approve = app.MapGroup("/approve").AllowAnonymous("The signed link is the credential.").AddEndpointFilter<UnavailableFilter>().WithTags("Approvals")
            .WithMetadata(new SkipStatusCodePagesAttribute());
        approve.MapGet("/{token}", Show).WithSummary("What is to be approved: a page, or JSON for who accepts only that").Shows();
        approve.MapPost("/{token}", Vote).WithSummary("Approve or refuse, with a comment: the page's form, or JSON")
            .WithMetadata(new RequestSizeLimitAttribute(MaxBytes)).Shows()
            .ReadsBody("The word of whoever has the link; the same fields as a form are taken too.", """{ "decision": "approve", "comment": "Looks right", "name": "Olga" }""", isRequired: true)
            .MayRefuse(StatusCodes.Status409Conflict, StatusCodes.Status410Gone);
    }

    private static RouteHandlerBuilder Shows(this RouteHandlerBuilder route) => route.Produces<ApprovalView>()
        .Answers(StatusCodes.Status200OK, "text/html", "What is to be approved and how it stands.", "The page that asks").MayRefuse(StatusCodes.Status404NotFound);

    private static async Task<IResult> Show(string token, HttpContext http, RunLinks links, Approvals approvals, CancellationToken cancel)
    {
        ResumeEndpoints.Discreet(http);
        return links.Read(token, LinkPurpose.Approve) is { } link && await approvals.FindAsync(link, cancel) is { } approval
            ? Answer(http, approval, StatusCodes.Status200OK, problem: null, field: null, said: null)
            : NotFound(http);
    }

    private static async Task<IResult> Vote(string token, HttpContext http, RunLinks links, Approvals approvals, CancellationToken cancel)
    {
        ResumeEndpoints.Discreet(http);
        if (links.Read(token, LinkPurpose.Approve) is not { } link)
            return NotFound(http);
        var request = await ReadAsync(http.Request, cancel);
        var result = await approvals.VoteAsync(link, request, cancel);
        return await approvals.FindAsync(link, cancel) is { } approval
            ? Answer(http, approval, result.Status, result.Problem, result.Field, said: result.Problem is null ? request.Decision : null)
            : NotFound(http);
    }

    private static async Task<VoteRequest> ReadAsync(HttpRequest request, CancellationToken cancel)
    {
        if (!request.HasFormContentType)
            return await RequestBody.ReadAsync(request, WaitsJson.Default.VoteRequest, cancel);
        var form = await RequestBody.ReadFormAsync(request, cancel);
        return new VoteRequest(form["decision"].ToString(), form["comment"].ToString(), form["name"].ToString());
    }

    private static IResult Answer(HttpContext http, ApprovalView approval, int status, string? problem, string? field, string? said)
    {
        if (WantsPage(http.Request))
            return new ApprovalPage(ApprovalPage.Of(approval, problem, said), status);
        return problem is null
            ? TypedResults.Ok(approval)
            : Problems.Of(status, problem, field is null ? null : [new FieldProblem($"$.{field}", problem)]);
    }

    private static IResult NotFound(HttpContext http) =>
        WantsPage(http.Request) ? new ApprovalPage(ApprovalPage.Unknown, StatusCodes.Status404NotFound) : ResumeEndpoints.NoSuchLink();

    private static bool WantsPage(HttpRequest request) => request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase);
}
