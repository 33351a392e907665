using System.Text.Json;
using Flows.Contracts.Definitions;

namespace Flows.Tests.Language;

/// <summary>The schema is written by hand and read by other tools: these tests keep it to the model and the reader.</summary>
public sealed class SchemaOfADefinition
{
    private static readonly JsonElement s_schema = JsonElement.Parse(DefinitionSchema.Json);

    private static JsonElement Definition(string name) => name.Length == 0 ? s_schema : s_schema.GetProperty("$defs").GetProperty(name);

    private static IEnumerable<string> Properties(string name) => Definition(name).GetProperty("properties").EnumerateObject().Select(property => property.Name);

    private static IEnumerable<string> Fields(Type type) =>
        type.GetProperties(System.Reflection.BindingFlags.Public | System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.DeclaredOnly)
            .Where(property => property.Name != "EqualityContract").Select(property => JsonNamingPolicy.CamelCase.ConvertName(property.Name));

    [Theory]
    [InlineData("", typeof(FlowDefinition))]
    [InlineData("note", typeof(FlowNote))]
    [InlineData("trigger", typeof(FlowTrigger))]
    [InlineData("shared", typeof(Step))]
    [InlineData("action", typeof(ActionStep))]
    [InlineData("code", typeof(CodeStep))]
    [InlineData("router", typeof(RouterStep))]
    [InlineData("branch", typeof(Branch))]
    [InlineData("loop", typeof(LoopStep))]
    [InlineData("wait", typeof(WaitStep))]
    [InlineData("call", typeof(CallStep))]
    [InlineData("respond", typeof(RespondStep))]
    [InlineData("stop", typeof(StopStep))]
    [InlineData("retry", typeof(RetryPolicy))]
    public void Has_the_fields_of_the_model(string name, Type type) => Assert.Equal(Fields(type).Order(), Properties(name).Order());

    [Fact]
    public void Has_the_operators_of_conditions() => Assert.Equal(
        ConditionOperators.All.Select(op => op.Name),
        Definition("test").GetProperty("properties").GetProperty("operator").GetProperty("enum").EnumerateArray().Select(name => name.GetString()));

    [Fact]
    public void The_sample_uses_every_field_and_no_other()
    {
        var used = new HashSet<string>();
        var sample = JsonElement.Parse(Definitions.Sample);
        Walk(sample, "", used);
        var known = new[] { "", "trigger", "shared", "action", "code", "router", "branch", "loop", "wait", "call", "respond", "stop", "retry", "onError" }.SelectMany(name => Properties(name).Select(field => $"{name}.{field}"));
        Assert.Empty(known.Except(used));
    }

    [Theory]
    [InlineData("", "The document")]
    [InlineData("trigger", "Trigger")]
    [InlineData("shared", "Fields of every step")]
    [InlineData("retry", "retry")]
    [InlineData("action", "action")]
    [InlineData("code", "code")]
    [InlineData("router", "router")]
    [InlineData("branch", "router")]
    [InlineData("loop", "loop")]
    [InlineData("wait", "wait")]
    [InlineData("call", "call")]
    [InlineData("respond", "respond")]
    [InlineData("stop", "stop")]
    public void The_documentation_has_every_field(string name, string heading)
    {
        var text = File.ReadAllText(Tree.PathOf("docs", "flow-language.md"));
        var section = System.Text.RegularExpressions.Regex.Match(text, $@"^##+ {heading}$(.*?)(?=^##|\z)", System.Text.RegularExpressions.RegexOptions.Multiline | System.Text.RegularExpressions.RegexOptions.Singleline).Groups[1].Value;
        Assert.All(Properties(name).Where(field => field != "kind" || name == "shared"), field => Assert.Contains($"`{field}`", section, StringComparison.Ordinal));
    }

    /// <summary>Checks required and known fields, and notes what is used.</summary>
    private static void Walk(JsonElement element, string name, HashSet<string> used)
    {
        var shared = element.TryGetProperty("kind", out _) && name.Length > 0;
        var required = Definition(name).TryGetProperty("required", out var list) ? list.EnumerateArray().Select(field => field.GetString()!) : [];
        Assert.Empty(required.Except(element.EnumerateObject().Select(property => property.Name)));
        foreach (var property in element.EnumerateObject())
        {
            if (Properties(name).Contains(property.Name))
                used.Add($"{name}.{property.Name}");
            else
                Assert.True(shared && Properties("shared").Contains(property.Name), $"{name}.{property.Name}");
            if (shared && Properties("shared").Contains(property.Name))
                used.Add($"shared.{property.Name}");
            switch (property.Name)
            {
                case "steps":
                    foreach (var step in property.Value.EnumerateArray())
                        Walk(step, step.GetProperty("kind").GetString()!, used);
                    break;
                case "branches":
                    foreach (var branch in property.Value.EnumerateArray())
                        Walk(branch, "branch", used);
                    break;
                case "trigger" or "retry":
                    Walk(property.Value, property.Name, used);
                    break;
                case "onError" when property.Value.ValueKind == JsonValueKind.Object:
                    Walk(property.Value, "onError", used);
                    break;
            }
        }
    }
}
