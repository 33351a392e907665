using System.Text.Json;
using System.Text.Json.Serialization;
using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Contracts.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;

namespace Flows.Api.Flows.Testing;

/// <summary>The samples of a flow: what its steps gave last in a test, and what people have pinned.</summary>
internal static class SampleEndpoints
{
    /// <summary>A sample at its limit, written with white space and escapes.</summary>
    private const int MostBytesOfBody = 4 * FlowSamples.MostBytes;

    public static void MapSamples(this IEndpointRouteBuilder api)
    {
        var samples = api.MapGroup("/flows/{id:guid}/samples").WithTags("Testing").ProducesProblem(StatusCodes.Status404NotFound);
        samples.MapGet("", List).Requires(Permission.ReadRuns).WithSummary("Outputs that are kept beside the draft: the last of each step's tests, and those that were pinned");
        samples.MapPut("/{step}", Put).Requires(Permission.EditFlows).Audited("flow.sample_set", ahead: true).WithMetadata(new RequestSizeLimitAttribute(MostBytesOfBody))
            .WithSummary("Keep an output of a step, or of the trigger. Pinned, test runs take it instead of doing the step")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status409Conflict).ProducesProblem(StatusCodes.Status413PayloadTooLarge);
        samples.MapDelete("/{step}", Delete).Requires(Permission.EditFlows).Audited("flow.sample_deleted", ahead: true).WithSummary("Forget the sample of a step; test runs do the step again");
    }

    private static async Task<Results<Ok<FlowSampleList>, ProblemHttpResult>> List(Guid id, CurrentProject project, FlowsDb db, FlowSamples samples, CancellationToken cancel)
    {
        if (!await db.Flows.AnyAsync(flow => flow.Id == id && flow.ProjectId == project.Id, cancel))
            return FlowEndpoints.NoSuchFlow(id);
        return TypedResults.Ok(new FlowSampleList([.. (await samples.OfFlowAsync(id, cancel)).Select(SampleView.Of)]));
    }

    private static async Task<Results<Ok<SampleView>, ProblemHttpResult>> Put(
        Guid id, string step, PutSampleRequest request, CurrentProject project, FlowsDb db, FlowSamples samples, AuditTrail audit, CancellationToken cancel)
    {
        if (await db.Flows.Where(flow => flow.Id == id && flow.ProjectId == project.Id).Select(flow => flow.Draft).SingleOrDefaultAsync(cancel) is not { } draft)
            return FlowEndpoints.NoSuchFlow(id);
        if (step != FlowSamples.Trigger)
        {
            if (DraftOutline.Of(JsonElement.Parse(draft)).Find(step) is not { } found)
                return Problems.NotFound($"The draft of the flow has no step '{step}'.");
            if (found.Kind == "stop")
                return Problems.BadRequest("step", $"The step '{step}' ends the run: there is no output that could stand in for it.");
        }
        if (FlowSamples.Problem(request.Output) is { } problem)
            return Problems.BadRequest("$.output", problem);
        if (request.FromRun is { } run && !await db.Database.SqlQuery<bool>($"""SELECT EXISTS (SELECT FROM runs r WHERE r.id = {run} AND r.flow_id = {id}) AS "Value" """).SingleAsync(cancel))
            return Problems.BadRequest("$.fromRun", $"The flow has no run {run}.");

        if (await samples.PutAsync(id, step, RawJson.From(request.Output), request.Pinned, request.FromRun, cancel) is not { } kept)
        {
            return Problems.Conflict($"The samples of the flow would have more than {FlowSamples.MostBytesOfFlow >> 20} MiB together, or be more than {FlowSamples.MostOfFlow} "
                + "(limit: samples of a flow). Delete some of them first.");
        }
        audit.Tell(after: new { Step = step, request.Pinned });
        return TypedResults.Ok(SampleView.Of(kept));
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Delete(
        Guid id, string step, CurrentProject project, FlowsDb db, FlowSamples samples, AuditTrail audit, CancellationToken cancel)
    {
        if (!await db.Flows.AnyAsync(flow => flow.Id == id && flow.ProjectId == project.Id, cancel))
            return FlowEndpoints.NoSuchFlow(id);
        if (!await samples.DeleteAsync(id, step, cancel))
            return Problems.NotFound($"The flow has no sample of '{step}'.");
        audit.Tell(before: new { Step = step });
        return TypedResults.NoContent();
    }

    /// <param name="Output">Any JSON: what the step is to have given.</param>
    /// <param name="Pinned">False keeps it for previews alone, until the next test run replaces it.</param>
    /// <param name="FromRun">The run that it was taken from.</param>
    internal sealed record PutSampleRequest(JsonElement Output, bool Pinned = true, Guid? FromRun = null);

    internal sealed record FlowSampleList(IReadOnlyList<SampleView> Items);

    /// <param name="Step">The step's name, or <c>trigger</c>.</param>
    /// <param name="FromRun">The run whose output it is; left out for a person's own.</param>
    internal sealed record SampleView(
        string Step, JsonElement Output, bool Pinned, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Guid? FromRun, DateTimeOffset UpdatedAt)
    {
        public static SampleView Of(FlowSample sample) => new(sample.Step, sample.Output.ToElement(), sample.Pinned, sample.FromRun, sample.UpdatedAt);
    }
}
