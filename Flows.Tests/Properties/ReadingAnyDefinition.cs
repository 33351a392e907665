using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Flows.Api.Flows;
using Flows.Contracts.Definitions;

namespace Flows.Tests.Properties;

/// <summary>The reader of definitions on flows that nobody wrote: right ones, and right ones with one thing changed.</summary>
public sealed class ReadingAnyDefinition
{
    private static readonly FlowCatalogue s_catalogue = new(global::Flows.Engine.Catalogue.Describe());

    [Fact]
    public void What_is_right_stays_right_however_it_is_laid_out() => AnyFlow.Valid.Holds(json =>
    {
        var document = JsonNode.Parse(json)!;
        Assert.Equal([], Errors(json));
        Assert.Equal(Told(json), Told(document.ToJsonString(new JsonSerializerOptions { WriteIndented = true })));
        Assert.Equal(Told(json).Order(StringComparer.Ordinal), Told(Reversed(document)!.ToJsonString()).Order(StringComparer.Ordinal));
    });

    [Fact]
    public void One_change_gives_a_right_one_or_errors_whose_places_are_there_and_never_anything_else() => AnyFlow.Changed.Holds(change =>
    {
        var problems = Read(change.Json).Problems;
        Assert.Equal(problems, Read(change.Json).Problems);
        var document = JsonElement.Parse(change.Json);
        foreach (var problem in problems)
        {
            Assert.NotEmpty(problem.Message);
            Assert.True(IsPlace(document, problem.Path), $"There is no {problem.Path} in {change.Json}.");
        }
    }, cases: 1_500);

    [Fact]
    public void A_field_that_nobody_knows_is_named_where_it_stands() => AnyFlow.WithUnknownField.Holds(change =>
        Assert.Contains(change.Place, Errors(change.Json).Select(problem => problem.Path)));

    [Fact]
    public void Any_json_at_all_is_read_or_refused() => AnyFlow.Json.Holds(json =>
    {
        var reading = Read(json);
        Assert.True(reading.IsValid || reading.Problems.Any(problem => problem.Severity == ProblemSeverity.Error));
    }, cases: 2_000);

    private static DefinitionReading Read(string json) => s_catalogue.Read(JsonElement.Parse(json));

    private static DefinitionProblem[] Errors(string json) => [.. Read(json).Problems.Where(problem => problem.Severity == ProblemSeverity.Error)];

    private static string[] Told(string json) => [.. Read(json).Problems.Select(problem => $"{problem.Severity} {problem.Path}: {problem.Message}")];

    /// <summary>The same with the members of each object the other way round.</summary>
    private static JsonNode? Reversed(JsonNode? node) => node switch
    {
        JsonObject members => new JsonObject(members.Reverse().Select(member => KeyValuePair.Create(member.Key, Reversed(member.Value)))),
        JsonArray items => new JsonArray([.. items.Select(Reversed)]),
        _ => node?.DeepClone(),
    };

    /// <summary>Whether the path leads to something, or to a member that is missing in an object or list that is there.</summary>
    private static bool IsPlace(JsonElement at, string path)
    {
        var rest = path.AsSpan();
        if (rest is not ['$', ..])
            return false;
        rest = rest[1..];
        while (!rest.IsEmpty)
        {
            var isIndex = rest[0] == '[' && rest.Length > 1 && char.IsAsciiDigit(rest[1]);
            var name = NextOf(ref rest);
            if (name is null)
                return false;
            var found = isIndex
                ? at.ValueKind == JsonValueKind.Array && int.Parse(name) < at.GetArrayLength() ? at[int.Parse(name)] : default
                : at.ValueKind == JsonValueKind.Object && at.TryGetProperty(name, out var member) ? member : default;
            if (found.ValueKind == JsonValueKind.Undefined)
                return rest.IsEmpty && at.ValueKind is JsonValueKind.Object or JsonValueKind.Array;
            at = found;
        }
        return true;
    }

    private static string? NextOf(ref ReadOnlySpan<char> rest)
    {
        if (rest[0] == '.')
        {
            var end = rest[1..].IndexOfAny('.', '[') is var found && found < 0 ? rest.Length : found + 1;
            var name = rest[1..end].ToString();
            rest = rest[end..];
            return name;
        }
        if (rest.StartsWith("['", StringComparison.Ordinal))
        {
            var end = 2;
            while (end < rest.Length && !(rest[end] == '\'' && rest[end - 1] != '\\'))
                end++;
            if (end + 1 >= rest.Length)
                return null;
            var name = rest[2..end].ToString().Replace("\\'", "'", StringComparison.Ordinal);
            rest = rest[(end + 2)..];
            return name;
        }
        if (rest[0] == '[' && rest.IndexOf(']') is var close and > 0)
        {
            var index = rest[1..close].ToString();
            rest = rest[(close + 1)..];
            return index;
        }
        return null;
    }
}
