using System.Text.Json;
using System.Text.Json.Nodes;
using Flows.Contracts.Definitions;

namespace Flows.Api.Import;

/// <summary>Something of the foreign document that is not in the flow as it was there.</summary>
/// <param name="Step">Name of the step in the new flow; null for the flow as a whole.</param>
/// <param name="Skipped">The step stands in the flow as a placeholder that is left out.</param>
internal sealed record ImportNote(string? Step, string Message, bool Skipped = false);

/// <summary>A foreign document, read.</summary>
/// <param name="Definition">Not yet checked against the catalogue: see <see cref="Checked"/>.</param>
internal sealed record ImportedFlow(string Name, JsonObject Definition, List<ImportNote> Notes)
{
    /// <summary>Steps that a check may turn into placeholders before the whole is given up.</summary>
    private const int MostRepairs = 200;

    /// <summary>
    /// Checks the definition, and turns each step that has an error (an expression that does not translate, an input that does not
    /// fit) into a placeholder with a note, and a trigger that has one into a start by hand, so that the rest can be used at once.
    /// </summary>
    /// <returns>The problems that are left; with an error among them the flow cannot be imported.</returns>
    public IReadOnlyList<DefinitionProblem> Checked(Func<JsonElement, DefinitionReading> read)
    {
        for (var repairs = 0; ; repairs++)
        {
            var problems = read(JsonSerializer.SerializeToElement(Definition)).Problems;
            var error = problems.FirstOrDefault(problem => problem.Severity == ProblemSeverity.Error && (StepAt(problem.Path) is not null || IsOfTrigger(problem.Path)));
            if (error is null || repairs == MostRepairs)
                return problems;
            if (StepAt(error.Path) is not { } step)
            {
                Notes.Add(new ImportNote(null, $"The trigger could not be brought over, and the flow is started by hand until you choose one: {error.Message}"));
                Definition["trigger"] = ForeignTrigger.Manual();
                continue;
            }
            if (Emptied(step))
            {
                Notes.Add(new ImportNote(step.Text("name"), $"What it decides on could not be brought over and is to be written anew: {error.Message}"));
                continue;
            }
            Notes.Add(new ImportNote(step.Text("name"), $"Left out: {error.Message}", Skipped: true));
            Placeholder.Replace(step);
        }
    }

    /// <summary>
    /// Takes the items of a loop, or the conditions of a router, out of a step that holds others, which would be lost with it. False: it holds none, or has
    /// been emptied before.
    /// </summary>
    private static bool Emptied(JsonObject step)
    {
        if (step["items"] is JsonValue)
        {
            step["items"] = new JsonArray();
            return true;
        }
        var conditions = step.Objects("branches").Where(branch => branch["when"] is JsonObject or JsonValue && branch.Text("when") != "false").ToList();
        foreach (var branch in conditions)
            branch["when"] = false;
        return conditions.Count > 0;
    }

    private bool IsOfTrigger(string path) => path.StartsWith("$.trigger", StringComparison.Ordinal) && Definition.Object("trigger").Text("piece") != "manual";

    /// <summary>The innermost step on the path of a problem that is not a placeholder already.</summary>
    private JsonObject? StepAt(string path)
    {
        JsonNode? at = Definition;
        JsonObject? step = null;
        foreach (var part in path.Split(['.', '[', ']', '\''], StringSplitOptions.RemoveEmptyEntries).Skip(1))
        {
            at = at switch
            {
                JsonObject fields => fields[part],
                JsonArray items when int.TryParse(part, out var index) && index < items.Count => items[index],
                _ => null,
            };
            if (at is JsonObject { } found && found.ContainsKey("kind"))
                step = Placeholder.Is(found) ? null : found;
        }
        return step;
    }
}

/// <summary>
/// What stands for a step that could not be brought over: a code step that is left out, with the original settings in its source for
/// whoever builds it anew.
/// </summary>
internal static class Placeholder
{
    private const string Mark = "// Not imported.";
    private const int MostShown = 8_000;
    private const int MostTitle = 200;

    public static JsonObject Of(string name, string? title, string what, JsonNode? original)
    {
        var step = new JsonObject { ["name"] = name, ["kind"] = "code" };
        if (title is { Length: > 0 and <= MostTitle })
            step["title"] = title;
        step["skip"] = true;
        step["language"] = "javascript";
        step["source"] = Source(what, original);
        step["input"] = new JsonObject();
        return step;
    }

    public static bool Is(JsonObject step) => step["source"] is JsonValue source && source.TryGetValue<string>(out var text) && text.StartsWith(Mark, StringComparison.Ordinal);

    public static void Replace(JsonObject step)
    {
        var original = (JsonObject)step.DeepClone();
        var placeholder = Of(step.Text("name") ?? "step", step.Text("title"), $"{step["kind"]} step", original);
        step.Clear();
        foreach (var (field, value) in placeholder.ToList())
        {
            placeholder.Remove(field);
            step[field] = value;
        }
    }

    private static string Source(string what, JsonNode? original)
    {
        var settings = original?.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) ?? "{}";
        if (settings.Length > MostShown)
            settings = settings[..MostShown] + "\n…";
        // The comment must not end early.
        settings = settings.Replace("*/", "* /", StringComparison.Ordinal);
        return $"{Mark} It was: {what.ReplaceLineEndings(" ")}\n/*\n{settings}\n*/\nexport default () => null;\n";
    }
}
