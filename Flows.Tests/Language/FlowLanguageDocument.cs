using System.Text.Json;
using Flows.Contracts.Definitions;

namespace Flows.Tests.Language;

/// <summary>docs/flow-language.md has every field of the schema, each in the section it belongs to, and no other.</summary>
public sealed class FlowLanguageDocument
{
    private static readonly string s_document = File.ReadAllText(Tree.PathOf("docs", "flow-language.md")).ReplaceLineEndings("\n");
    private static readonly JsonElement s_schema = JsonElement.Parse(DefinitionSchema.Json);

    private static IEnumerable<string> FieldsOf(string name) =>
        (name.Length == 0 ? s_schema : s_schema.GetProperty("$defs").GetProperty(name)).GetProperty("properties").EnumerateObject().Select(property => property.Name);

    private static IEnumerable<string> Rows(string heading, string? after = null)
    {
        var start = s_document.IndexOf($"\n{heading}\n", StringComparison.Ordinal);
        Assert.True(start >= 0, $"docs/flow-language.md has no section '{heading}'.");
        start += heading.Length + 2;
        var end = s_document.IndexOf("\n#", start, StringComparison.Ordinal);
        var section = s_document[start..(end < 0 ? s_document.Length : end)];
        if (after is not null)
            section = section[(section.IndexOf(after, StringComparison.Ordinal) + after.Length)..];
        var inTable = false;
        foreach (var line in section.Split('\n'))
        {
            if (line.StartsWith("| Field |", StringComparison.Ordinal))
                inTable = true;
            else if (!line.StartsWith('|') && inTable)
                yield break;
            else if (inTable && line.StartsWith("| `", StringComparison.Ordinal))
            {
                foreach (var field in line.Split('|')[1].Split(','))
                    yield return field.Trim(' ', '`');
            }
        }
    }

    [Theory]
    [InlineData("", "## The document")]
    [InlineData("trigger", "### Trigger")]
    [InlineData("shared", "## Fields of every step")]
    [InlineData("retry", "### retry")]
    [InlineData("action", "### action")]
    [InlineData("code", "### code")]
    [InlineData("router", "### router")]
    [InlineData("branch", "### router", "A branch:")]
    [InlineData("loop", "### loop")]
    [InlineData("wait", "### wait")]
    [InlineData("call", "### call")]
    [InlineData("respond", "### respond")]
    [InlineData("stop", "### stop")]
    public void Tells_of_the_fields_that_there_are(string schema, string heading, string? after = null) =>
        Assert.Equal(FieldsOf(schema).Where(field => schema == "shared" || field != "kind").Order(), Rows(heading, after).Order());

    [Fact]
    public void Names_every_kind()
    {
        var kinds = s_schema.GetProperty("$defs").GetProperty("step").GetProperty("oneOf").EnumerateArray().Select(kind => kind.GetProperty("$ref").GetString()!["#/$defs/".Length..]);
        Assert.All(kinds, kind => Assert.Contains($"\n### {kind}\n", s_document, StringComparison.Ordinal));
    }
}
