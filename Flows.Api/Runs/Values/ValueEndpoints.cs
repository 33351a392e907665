using Flows.Api.Access;
using Flows.Api.Reference;
using Flows.Contracts.WorkerProtocol;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Flows.Api.Runs.Values;

/// <summary>Large values, as they are stored: JSON, sent on while it is read.</summary>
internal static class ValueEndpoints
{
    public static void MapValues(this RouteGroupBuilder runs)
    {
        runs.MapGet("/runs/{runId:guid}/steps/{path}/{part}", GetPart).Requires(Permission.ReadRuns).WithSummary("A step's whole input, output or error (part), however large it is").GivesValue();
        runs.MapGet("/runs/{runId:guid}/values/{valueId:guid}", GetValue).Requires(Permission.ReadRuns).WithSummary("A large value that the run or one of its steps refers to").GivesValue();
    }

    private static void GivesValue(this RouteHandlerBuilder route) =>
        route.Answers(StatusCodes.Status200OK, "application/json", "The value: any JSON.", """{ "rows": [ { "sku": "A-7", "count": 3 } ] }""");

    /// <summary>For workers: <see cref="WorkerRoutes.Value"/>.</summary>
    public static readonly Delegate ForWorkers = async (Guid runId, Guid valueId, HttpContext http, RunValues values, CancellationToken cancel) =>
        await SendAsync(http, values, runId, valueId, cancel);

    private static async Task<Results<EmptyHttpResult, ProblemHttpResult>> GetPart(
        Guid runId, string path, string part, HttpContext http, CurrentProject project, RunReader runs, RunValues values, CancellationToken cancel)
    {
        if (!Enum.TryParse<StepPart>(part, ignoreCase: true, out var which) || char.IsAsciiDigit(part[0]))
            return RunProblems.Of(StatusCodes.Status404NotFound, "part_not_found", $"A step has no '{part}'. It has input, output and error.");
        // Routing leaves this one sign as the address has it.
        path = path.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
        if (await runs.FindPartAsync(project.Id, runId, path, which, cancel) is not { } found)
            return RunProblems.Of(StatusCodes.Status404NotFound, "value_not_found", $"There is no such run, or its step '{path}' has no {part}.", ("step", path));
        if (found.Large is { } id)
            return await SendAsync(http, values, runId, id, cancel);
        Describe(http, found.Value!.Value.Length);
        await http.Response.Body.WriteAsync(found.Value.Value.Utf8, cancel);
        return TypedResults.Empty;
    }

    private static async Task<Results<EmptyHttpResult, ProblemHttpResult>> GetValue(
        Guid runId, Guid valueId, HttpContext http, CurrentProject project, RunReader runs, RunValues values, CancellationToken cancel) =>
        await runs.HasAsync(project.Id, runId, cancel) ? await SendAsync(http, values, runId, valueId, cancel) : RunProblems.NoSuchRun();

    private static async Task<Results<EmptyHttpResult, ProblemHttpResult>> SendAsync(
        HttpContext http, RunValues values, Guid runId, Guid valueId, CancellationToken cancel)
    {
        await using var value = await values.OpenAsync(runId, valueId, cancel);
        if (value is null)
            return RunProblems.Of(StatusCodes.Status404NotFound, "value_not_found", "There is no such value. Values are kept as long as their run.");
        Describe(http, value.Size);
        await value.Json.CopyToAsync(http.Response.Body, cancel);
        return TypedResults.Empty;
    }

    private static void Describe(HttpContext http, int size)
    {
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = size;
        http.Response.Headers.XContentTypeOptions = "nosniff";
        http.Response.Headers.ContentSecurityPolicy = "sandbox; default-src 'none'";
        http.Response.Headers.CacheControl = "private, no-store";
    }
}
