using System.Text.Json;
using System.Text.Json.Nodes;
using Flows.Api.Import;
using Flows.Contracts.Definitions;

namespace Flows.Tests.Import;

/// <summary>
/// Documents as the two platforms write them. For each the outline of the flow that came of it is kept beside it (<c>.outline</c>): the trigger, the steps with
/// their kinds and what stands out in them, and the notes.
/// </summary>
public sealed class ReadingForeignFlows
{
    private static string Folder(string name) => Path.Combine(AppContext.BaseDirectory, "Import", name);

    public static TheoryData<string> Documents(string platform) => [.. Directory.GetFiles(Folder(platform), "*.json").Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Documents), "activepieces")]
    public void A_document_of_Activepieces_becomes_flows_that_can_be_published(string name) => Check("activepieces", name, ActivepiecesReader.Read);

    [Theory]
    [MemberData(nameof(Documents), "n8n")]
    public void A_document_of_n8n_becomes_a_flow_that_can_be_published(string name) => Check("n8n", name, document => [N8nReader.Read(document)]);

    [Fact]
    public void Each_platform_is_known_by_its_own_documents_only()
    {
        foreach (var file in Directory.GetFiles(Folder("n8n"), "*.json"))
            Assert.True(N8nReader.Knows(Document(file)) && !ActivepiecesReader.Knows(Document(file)), file);
        foreach (var file in Directory.GetFiles(Folder("activepieces"), "*.json"))
            Assert.True(ActivepiecesReader.Knows(Document(file)) && !N8nReader.Knows(Document(file)), file);
    }

    private static void Check(string platform, string name, Func<JsonObject, IReadOnlyList<ImportedFlow>> read)
    {
        var flows = read(Document(Path.Combine(Folder(platform), name + ".json")));
        var outline = new StringWriter { NewLine = "\n" };
        foreach (var flow in flows)
        {
            // Notes come first from reading, then from checking.
            var problems = flow.Checked(Read);
            Assert.DoesNotContain(problems, problem => problem.Severity == ProblemSeverity.Error);
            Outline.Write(outline, flow);
        }
        var expected = Path.Combine(Folder(platform), name + ".outline");
        Assert.Equal(File.Exists(expected) ? File.ReadAllText(expected).ReplaceLineEndings("\n") : "", outline.ToString());
    }

    // The engine's own pieces and functions; of pieces only those that the documents use, so that an outline does not change with every new one.
    private static readonly EngineCatalogue s_catalogue = global::Flows.Engine.Catalogue.Describe() is var all
        ? all with
        {
            Pieces = [.. all.Pieces.Where(piece => piece.Name is "csv" or "data" or "email" or "github" or "http" or "json" or "manual" or "math" or "openai" or "postgres"
                or "rss" or "schedule" or "slack" or "telegram" or "text" or "webhook")],
            Kinds = ["action", "call", "code", "loop", "respond", "router", "stop", "wait"],
        }
        : throw new InvalidOperationException();

    private static DefinitionReading Read(JsonElement definition) => DefinitionReader.Read(definition, s_catalogue);

    private static JsonObject Document(string file) => JsonNode.Parse(File.ReadAllText(file))!.AsObject();
}

/// <summary>A flow on a few lines.</summary>
internal static class Outline
{
    private static readonly JsonSerializerOptions s_relaxed = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Write(TextWriter to, ImportedFlow flow)
    {
        to.WriteLine($"# {flow.Name}");
        var trigger = flow.Definition["trigger"]!;
        to.WriteLine($"trigger {trigger["piece"]}.{trigger["event"]} {trigger["input"]!.ToJsonString(s_relaxed)}");
        Steps(to, flow.Definition["steps"]!.AsArray(), "");
        foreach (var note in flow.Notes)
            to.WriteLine($"note {(note.Skipped ? "(skipped) " : "")}{note.Step ?? "-"}: {note.Message.ReplaceLineEndings(" ")}");
    }

    private static void Steps(TextWriter to, JsonArray steps, string indent)
    {
        foreach (var step in steps)
        {
            var shown = step!.AsObject().Where(field => field.Key is not ("name" or "kind" or "steps" or "branches" or "source" or "language" or "piece" or "action" or "onError"))
                .Select(field => $"{field.Key}={field.Value?.ToJsonString(s_relaxed)}");
            var what = step["kind"]!.GetValue<string>() == "action" ? $"{step["piece"]}.{step["action"]}" : step["kind"]!.GetValue<string>();
            to.WriteLine($"{indent}{step["name"]}: {what} {string.Join(' ', shown)}".TrimEnd());
            foreach (var branch in step["branches"]?.AsArray() ?? [])
            {
                to.WriteLine($"{indent}  [{branch!["name"]}] {branch["when"]?.ToJsonString(s_relaxed) ?? "otherwise"}");
                Steps(to, branch["steps"]!.AsArray(), indent + "    ");
            }
            if (step["steps"] is JsonArray inside)
                Steps(to, inside, indent + "    ");
            if (step["onError"] is JsonValue word)
                to.WriteLine($"{indent}  on error {word}");
            if (step["onError"] is JsonObject { } failure)
            {
                to.WriteLine($"{indent}  on error:");
                Steps(to, failure["steps"]!.AsArray(), indent + "    ");
            }
        }
    }
}
