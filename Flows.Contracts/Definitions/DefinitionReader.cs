using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Flows.Contracts.Definitions;

/// <summary>Reads the document of docs/flow-language.md and finds everything that is wrong with it, in one go.</summary>
public static class DefinitionReader
{
    /// <summary>Bytes of JSON a definition may have.</summary>
    public const int MaxBytes = 4 * 1024 * 1024;

    /// <param name="document">The definition; it is copied, so that its document may be disposed.</param>
    /// <param name="catalogue">What the engine offers; null checks only what the engine needs to walk it: the shape and the names.</param>
    /// <returns>The definition, unless there is an error; and every problem found: first those of the shape, in the order of the document, then those of the expressions.</returns>
    public static DefinitionReading Read(JsonElement document, EngineCatalogue? catalogue)
    {
        var problems = new ProblemList();
        if (document.ValueKind != JsonValueKind.Undefined && JsonMarshal.GetRawUtf8Value(document).Length > MaxBytes)
        {
            problems.Error("$", $"The definition is larger than {MaxBytes / 1024 / 1024} MiB.");
            return new DefinitionReading(null, problems.All);
        }
        if (document.ValueKind != JsonValueKind.Undefined && !HasOnlyText(JsonMarshal.GetRawUtf8Value(document)))
        {
            problems.Error("$", "The definition holds half a Unicode surrogate pair, or bytes that are not UTF-8.");
            return new DefinitionReading(null, problems.All);
        }
        var definition = ReadAll(document.ValueKind == JsonValueKind.Undefined ? document : document.Clone(), catalogue, problems);
        return new DefinitionReading(problems.HasErrors ? null : definition, problems.All);
    }

    private static FlowDefinition? ReadAll(JsonElement document, EngineCatalogue? catalogue, ProblemList problems)
    {
        if (Fields.Of(document, "$", "a flow definition", problems) is not { } fields)
            return null;
        var schema = fields.Whole("schema", 0, 0, int.MaxValue);
        if (schema != FlowDefinition.CurrentSchema)
            problems.Error("$.schema", $"'schema' has to be {FlowDefinition.CurrentSchema}, the version of the flow language this is written in.");

        var steps = new StepReader(problems, catalogue);
        var trigger = steps.ReadTrigger(fields.Any("trigger"));
        var visible = ImmutableHashSet.Create<string>(StringComparer.Ordinal);
        var definition = new FlowDefinition(schema, trigger, steps.ReadSteps(fields.List("steps", required: true), "$.steps", 1, container: null, ref visible))
        {
            Notes = NoteReader.Read(fields.List("notes"), problems),
        };
        fields.Finish();
        steps.CheckExpressions();
        return definition;
    }

    // Checked once here, because a name or text that is no text throws wherever it is looked at.
    private static bool HasOnlyText(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = int.MaxValue });
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName)
                    reader.GetString();
            }
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
