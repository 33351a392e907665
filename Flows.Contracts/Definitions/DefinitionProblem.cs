using System.Text.Json.Serialization;

namespace Flows.Contracts.Definitions;

/// <summary>One thing wrong, or doubtful, in a flow definition.</summary>
/// <param name="Path">JSON path of the place: <c>$.steps[2].input.url</c>.</param>
/// <param name="Message">A plain sentence that says what was found and what is expected.</param>
/// <param name="Severity">An error keeps the flow from being published; a warning does not.</param>
public sealed record DefinitionProblem(string Path, string Message, ProblemSeverity Severity = ProblemSeverity.Error);

[JsonConverter(typeof(JsonStringEnumConverter<ProblemSeverity>))]
public enum ProblemSeverity { Error, Warning }

/// <summary>What reading a definition gave: the definition when there is no error, and every problem found.</summary>
public sealed record DefinitionReading(FlowDefinition? Definition, IReadOnlyList<DefinitionProblem> Problems)
{
    public bool IsValid => Definition is not null;
}
