using Flows.Contracts.Json;

namespace Flows.Contracts.Runs;

/// <summary>How a test run of a draft differs from a run of a published version: what it takes as given, and where it ends.</summary>
/// <param name="Step">Name of the step behind which the run ends; null walks to the end of the flow.</param>
/// <param name="Only">Nothing is done but <paramref name="Step"/>: what stands before it and is not given is left out.</param>
/// <param name="Outputs">By step name: what the step gives, at every place where it is met, without being done.</param>
/// <param name="Items">By the name of a loop around <paramref name="Step"/>: the <c>{ item, index }</c> that it is done with, with <paramref name="Only"/>.</param>
public sealed record TestPlan(
    string? Step = null,
    bool Only = false,
    IReadOnlyDictionary<string, RawJson>? Outputs = null,
    IReadOnlyDictionary<string, RawJson>? Items = null);
