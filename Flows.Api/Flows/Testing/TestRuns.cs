using System.Text.Json;
using Flows.Api.Runs;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Flows.Testing;

/// <summary>What a caller wants of a test run.</summary>
/// <param name="Step">The step behind which it ends; null for the whole flow.</param>
/// <param name="Only">Nothing but that step is done.</param>
/// <param name="Pinned">False does what is pinned.</param>
/// <param name="Payload">The trigger's output; null when none was sent.</param>
internal sealed record TestAsk(string? Step, bool Only, bool Pinned, RawJson? Payload);

/// <summary>A test run that may start: a copy of the draft, the trigger's output, and what is given.</summary>
internal sealed record PreparedTest(Guid VersionId, RawJson Trigger, TestPlan? Plan);

/// <summary>Decides by the samples of a flow what a test run of its draft takes as given.</summary>
internal sealed class TestRuns(RunStarter starter, FlowSamples samples, NpgsqlDataSource db)
{
    /// <returns>What to run, or why it cannot: 400 names the step, or the samples that are missing.</returns>
    public async Task<(PreparedTest? Test, ProblemHttpResult? Problem)> PrepareAsync(Guid projectId, Guid flowId, TestAsk ask, CancellationToken cancel)
    {
        if (ask is { Only: true, Step: null })
            return (null, Problems.BadRequest("only", "It goes with step: the one that is to be done."));
        // The copy first: what is decided by it is what runs, whoever saves meanwhile.
        if (await starter.SnapshotDraftAsync(projectId, flowId, cancel) is not { } version)
            return (null, RunProblems.NoSuchFlow());
        var known = await samples.OfFlowAsync(flowId, cancel);
        if (ask.Step is null)
        {
            var pins = ask.Pinned ? known.FindAll(sample => sample.Pinned) : [];
            return (new PreparedTest(version, TriggerOf(ask, pins), PlanOf(new TestPlan(), pins)), null);
        }

        var draft = DraftOutline.Of(await DefinitionAsync(version, cancel));
        if (draft.Find(ask.Step) is not { } step)
            return (null, Problems.BadRequest("step", $"The draft has no step '{ask.Step}'."));
        if (step.IsSkipped)
            return (null, Problems.BadRequest("step", $"The step '{ask.Step}' is left out (skip), so that there is nothing to test."));

        var given = known.FindAll(sample => IsGiven(sample, step, ask));
        var items = ask.Only ? known.Where(sample => IsItemOf(sample, step, draft)).ToDictionary(sample => sample.Step, sample => sample.Output) : [];
        if (ask.Only && MissingFor(step, draft, given, items, ask) is { Count: > 0 } missing)
        {
            return (null, Problems.BadRequest(
                $"The step '{ask.Step}' uses outputs for which there is no sample: {string.Join(", ", missing)}. Test those first, or give samples for them.",
                [.. missing.Select(name => new FieldProblem("step", $"There is no sample of '{name}', which '{ask.Step}' uses."))]));
        }
        return (new PreparedTest(version, TriggerOf(ask, given), PlanOf(new TestPlan(ask.Step, ask.Only, Items: items.Count > 0 ? items : null), given)), null);
    }

    private static bool IsGiven(FlowSample sample, DraftStep step, TestAsk ask)
    {
        if (step.Around.Contains(sample.Step))
            return false; // the way to the step leads through it
        if (sample.Step == FlowSamples.Trigger || step.Before.Contains(sample.Step))
            return ask.Pinned || ask.Only;
        return sample.Pinned && ask.Pinned;
    }

    // Of a loop around the step not what it gave, but what its name means inside it.
    private static bool IsItemOf(FlowSample sample, DraftStep step, DraftOutline draft) =>
        step.Around.Contains(sample.Step) && draft.Find(sample.Step) is { Kind: "loop" }
        && sample.Output.ToElement() is { ValueKind: JsonValueKind.Object } output && output.TryGetProperty("item", out _);

    private static List<string> MissingFor(DraftStep step, DraftOutline draft, List<FlowSample> given, Dictionary<string, RawJson> items, TestAsk ask)
    {
        // What is given itself is not done, and uses nothing.
        if (given.Exists(sample => sample.Step == step.Name))
            return [];
        return [.. step.NamesUsed(draft).Where(name => name == FlowSamples.Trigger
            ? ask.Payload is null && !given.Exists(sample => sample.Step == name)
            : step.Before.Contains(name) && draft.Find(name) is { IsSkipped: false } && !items.ContainsKey(name) && !given.Exists(sample => sample.Step == name)).Order(StringComparer.Ordinal)];
    }

    private static RawJson TriggerOf(TestAsk ask, List<FlowSample> given) =>
        ask.Payload ?? given.Find(sample => sample.Step == FlowSamples.Trigger)?.Output ?? RawJson.Null;

    private static TestPlan? PlanOf(TestPlan plan, List<FlowSample> given)
    {
        var outputs = given.Where(sample => sample.Step != FlowSamples.Trigger).ToDictionary(sample => sample.Step, sample => sample.Output);
        return plan.Step is null && outputs.Count == 0 ? null : plan with { Outputs = outputs.Count > 0 ? outputs : null };
    }

    private async Task<JsonElement> DefinitionAsync(Guid version, CancellationToken cancel)
    {
        await using var command = db.CreateCommand("SELECT definition FROM flow_versions WHERE id = $1");
        command.Parameters.Add(RunSql.Value(version, NpgsqlDbType.Uuid));
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel) ? row.JsonOrNull(0)!.Value.ToElement() : default;
    }
}
