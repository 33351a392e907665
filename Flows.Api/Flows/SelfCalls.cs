using System.Text.Json;
using Flows.Contracts.Definitions;

namespace Flows.Api.Flows;

/// <summary>
/// Warns of steps that call the flow they stand in. A definition does not know its own flow, so that only the API can see it. It is no error: a flow
/// may call itself for what is left to do, and a chain of calls ends at a depth.
/// </summary>
internal static class SelfCalls
{
    private static readonly string[] s_holders = ["steps", "branches", "onError"];

    /// <param name="key">The flow's key; null when it has none.</param>
    public static IReadOnlyList<DefinitionProblem> Of(JsonElement definition, Guid flowId, string? key)
    {
        var problems = new List<DefinitionProblem>();
        Walk(definition, "$");
        return problems;

        void Walk(JsonElement holder, string path)
        {
            switch (holder.ValueKind)
            {
                case JsonValueKind.Array:
                    foreach (var (i, item) in holder.EnumerateArray().Index())
                        Walk(item, $"{path}[{i}]");
                    break;
                case JsonValueKind.Object:
                    if (Is(holder, "kind", "call") && (Is(holder, "flow", flowId.ToString()) || (key is not null && Is(holder, "flow", key))))
                        problems.Add(new DefinitionProblem($"{path}.flow", "The step calls the flow it stands in. Without a condition around it every run calls another, until the limit on calls inside calls.", ProblemSeverity.Warning));
                    foreach (var name in s_holders)
                    {
                        if (holder.TryGetProperty(name, out var inside))
                            Walk(inside, $"{path}.{name}");
                    }
                    break;
            }
        }
    }

    private static bool Is(JsonElement holder, string name, string text) =>
        holder.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.ValueEquals(text);
}
