using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Flows.Api.Import;
using Flows.Contracts.Definitions;

namespace Flows.Tests.Properties;

/// <summary>Documents of the two other platforms with anything in any place: they become flows, or are refused in words.</summary>
public sealed class ReadingAnyForeignFlow
{
    private static readonly string?[] s_values =
    [
        null, "null", "true", "false", "0", "-1", "1e300", "2147483648", "0.5", "\"\"", "\" \"", "\"={{\"", "\"={{ $json\"", "\"{{ }}\"", "\"}}{{\"", "\"\\u0000\"", "\"/(/i\"", "[]", "{}", "[[]]", "[null]",
        "[{}]", "{\"\":null}", "{\"value\":{}}", $"\"{new string('x', 300)}\"",
    ];

    private static readonly EngineCatalogue s_catalogue = global::Flows.Engine.Catalogue.Describe() with { Kinds = ["action", "call", "code", "loop", "respond", "router", "stop", "wait"] };

    private static readonly string[] s_documents = [.. new[] { "activepieces", "n8n" }
        .SelectMany(platform => Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Import", platform), "*.json").Order(StringComparer.Ordinal)).Select(File.ReadAllText)];

    // Which document, and what is put where in it, one thing after the other.
    private static readonly Gen<(int Document, (int Place, int Value)[] Changes)> s_changed =
        Gen.Select(Gen.Int[0, s_documents.Length - 1], Gen.Select(Gen.Int[0, 100_000], Gen.Int[0, s_values.Length - 1]).Array[1, 4]);

    [Fact]
    public void A_document_with_anything_in_any_place_becomes_flows_or_is_refused() => s_changed.Holds(of =>
    {
        var document = Changed(of.Document, of.Changes);
        try
        {
            var flows = N8nReader.Knows(document) ? [N8nReader.Read(document)] : ActivepiecesReader.Knows(document) ? ActivepiecesReader.Read(document) : [];
            foreach (var flow in flows)
            {
                var problems = flow.Checked(definition => DefinitionReader.Read(definition, s_catalogue));
                Assert.DoesNotContain(problems, problem => problem.Severity == ProblemSeverity.Error);
            }
        }
        catch (ImportException refused)
        {
            Assert.NotEmpty(refused.Message);
        }
    }, print: of => Changed(of.Document, of.Changes).ToJsonString());

    private static JsonObject Changed(int document, (int Place, int Value)[] changes)
    {
        var root = JsonNode.Parse(s_documents[document])!.AsObject();
        foreach (var (place, value) in changes)
        {
            var places = Places(root).ToList();
            if (places.Count == 0)
                break;
            var (parent, name, index) = places[place % places.Count];
            var text = s_values[value];
            if (parent is JsonObject fields)
            {
                if (text is null)
                    fields.Remove(name!);
                else
                    fields[name!] = JsonNode.Parse(text);
            }
            else if (text is null)
            {
                parent.AsArray().RemoveAt(index);
            }
            else
            {
                parent.AsArray()[index] = JsonNode.Parse(text);
            }
        }
        return root;
    }

    private static IEnumerable<(JsonNode Parent, string? Name, int Index)> Places(JsonNode node)
    {
        var inside = node switch
        {
            JsonObject fields => fields.Select(field => (field.Value, Place: (node, (string?)field.Key, 0))),
            JsonArray items => items.Select((item, index) => (item, (node, (string?)null, index))),
            _ => [],
        };
        foreach (var (child, place) in inside)
        {
            yield return place;
            foreach (var deeper in child is null ? [] : Places(child))
                yield return deeper;
        }
    }
}
