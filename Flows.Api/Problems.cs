using System.Diagnostics;
using Flows.Contracts.Definitions;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Flows.Api;

/// <summary>One field at fault.</summary>
/// <param name="Path">JSON path in the body (<c>$.steps[0].piece</c>), or the name of a query or route parameter.</param>
internal sealed record FieldProblem(string Path, string Message);

/// <summary>
/// The one shape of every error (RFC 9457): <c>type</c>, <c>title</c>, <c>status</c>, <c>detail</c>, <c>traceId</c>, and
/// <c>errors: [{path, message}]</c> when fields are at fault.
/// </summary>
internal static class Problems
{
    /// <summary>The W3C trace id of the request, by which its log lines are found.</summary>
    public static string? TraceId => Activity.Current?.TraceId.ToHexString();

    /// <summary>400: one field is at fault.</summary>
    public static ProblemHttpResult BadRequest(string field, string message) =>
        Of(StatusCodes.Status400BadRequest, message, [new FieldProblem(field, message)]);

    /// <summary>400: several fields are at fault.</summary>
    public static ProblemHttpResult BadRequest(string detail, IReadOnlyList<FieldProblem> errors) =>
        Of(StatusCodes.Status400BadRequest, detail, errors);

    /// <summary>400: a definition has errors. Warnings are left out.</summary>
    public static ProblemHttpResult BadDefinition(IEnumerable<DefinitionProblem> problems)
    {
        var errors = problems.Where(p => p.Severity == ProblemSeverity.Error).Select(p => new FieldProblem(p.Path, p.Message)).ToArray();
        return BadRequest(errors.Length == 1 ? "The flow has a problem." : $"The flow has {errors.Length} problems.", errors);
    }

    /// <summary>404. Also for what exists in another project: a stranger learns nothing from the difference.</summary>
    public static ProblemHttpResult NotFound(string detail) => Of(StatusCodes.Status404NotFound, detail);

    /// <summary>409: the request is fine, the state of the thing is not.</summary>
    public static ProblemHttpResult Conflict(string detail) => Of(StatusCodes.Status409Conflict, detail);

    /// <summary>412: somebody else has changed it since the caller read it.</summary>
    public static ProblemHttpResult PreconditionFailed(string detail) => Of(StatusCodes.Status412PreconditionFailed, detail);

    public static ProblemHttpResult Of(int status, string detail, IReadOnlyList<FieldProblem>? errors = null)
    {
        var problem = new ProblemDetails { Status = status, Detail = detail };
        if (status == StatusCodes.Status429TooManyRequests) // the framework's table has no words for it
            (problem.Type, problem.Title) = ("https://tools.ietf.org/html/rfc6585#section-4", "Too Many Requests");
        if (TraceId is { } traceId)
            problem.Extensions["traceId"] = traceId;
        if (errors is { Count: > 0 })
            problem.Extensions["errors"] = errors;
        return TypedResults.Problem(problem); // fills type and title from the status
    }

    /// <summary>Writes the answer of a middleware, which has no result to return.</summary>
    /// <param name="retryAfter">Set for 503: when it is worth asking again.</param>
    public static Task WriteAsync(
        HttpContext context, int status, string detail, IReadOnlyList<FieldProblem>? errors = null, TimeSpan? retryAfter = null)
    {
        if (retryAfter is { } delay)
            context.Response.Headers.RetryAfter = ((int)Math.Ceiling(delay.TotalSeconds)).ToString();
        return Of(status, detail, errors).ExecuteAsync(context);
    }
}
