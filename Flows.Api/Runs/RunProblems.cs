using Flows.Contracts.Runs;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Flows.Api.Runs;

/// <summary>The refusals of runs and webhooks: <see cref="Problems"/> with <c>code</c>, a stable word to branch on.</summary>
internal static class RunProblems
{
    public static ProblemHttpResult NoSuchFlow() => Of(StatusCodes.Status404NotFound, "flow_not_found", "There is no such flow.");

    public static ProblemHttpResult NoSuchRun() => Of(StatusCodes.Status404NotFound, "run_not_found", "There is no such run.");

    public static ProblemHttpResult NotPublished() =>
        Of(StatusCodes.Status409Conflict, "flow_not_published", "The flow has no published version. Publish it first, or start a test run of its draft.");

    public static ProblemHttpResult Disabled() => Of(StatusCodes.Status409Conflict, "flow_disabled", "The flow is disabled.");

    /// <summary>The run's status does not allow what was asked for; <c>runStatus</c> says which it is.</summary>
    public static ProblemHttpResult WrongStatus(RunStatus status, string detail) =>
        Of(StatusCodes.Status409Conflict, "wrong_status", detail, ("runStatus", status.ToString()));

    public static ProblemHttpResult Unavailable(string detail) => Of(StatusCodes.Status503ServiceUnavailable, "unavailable", detail);

    public static ProblemHttpResult Of(int status, string code, string detail, params ReadOnlySpan<(string Key, object? Value)> more)
    {
        var result = Problems.Of(status, detail);
        result.ProblemDetails.Extensions["code"] = code;
        foreach (var (key, value) in more)
            result.ProblemDetails.Extensions[key] = value;
        return result;
    }
}
