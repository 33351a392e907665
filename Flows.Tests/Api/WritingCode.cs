using System.Text.Json;
using Flows.Api.Flows;
using Flows.Contracts.Definitions;

namespace Flows.Tests.Api;

/// <summary>The code of a step is read when the definition is.</summary>
public sealed class WritingCode
{
    private static readonly FlowCatalogue s_catalogue = FlowCatalogue.Load(Path.Combine(AppContext.BaseDirectory, FlowCatalogue.FileName));

    private static IReadOnlyList<DefinitionProblem> ProblemsOf(string source)
    {
        var code = $$"""{ "name": "code", "kind": "code", "language": "javascript", "source": {{JsonSerializer.Serialize(source)}} }""";
        var document = $$"""
            { "schema": 1, "trigger": { "piece": "manual", "event": "run", "input": {} },
              "steps": [ { "name": "each", "kind": "loop", "items": "{{"{{[1]}}"}}", "steps": [ {{code}} ] } ] }
            """;
        return s_catalogue.Read(JsonElement.Parse(document)).Problems;
    }

    [Theory]
    [InlineData("export default async ({ a }) => { const b = a ?? 1; return { ...b }; };")]
    [InlineData("import { createHash } from 'node:crypto';\nexport default function (input) { return createHash('md5').update(input.text).digest('hex'); }")]
    [InlineData("const step = (x) => x;\nexport { step as default };")]
    [InlineData("const x = await Promise.resolve(1);\nexport default () => /(?<year>\\d{4})/u.exec(`${x}`);")]
    public void Code_that_is_a_module_with_a_default_export_is_fine(string source) => Assert.Empty(ProblemsOf(source));

    [Theory]
    [InlineData("export default () => {\n  const a = ;\n};", "line 2, column 13")]
    [InlineData("export default () => (", "line 1, column 23")]
    [InlineData("export default () => 1;\nconst a = 1;\nconst a = 2;", "line 3, column 7")]
    public void A_syntax_error_is_a_problem_of_the_definition_with_its_line_and_column(string source, string where)
    {
        var problem = Assert.Single(ProblemsOf(source));
        Assert.Equal("$.steps[0].steps[0].source", problem.Path);
        Assert.Contains(where, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Code_without_a_default_export_is_told_what_to_write() =>
        Assert.Contains("export default", Assert.Single(ProblemsOf("const a = 1;")).Message, StringComparison.Ordinal);

    [Fact]
    public void Code_that_is_nested_without_end_is_a_problem_and_not_the_end_of_the_process() =>
        Assert.Single(ProblemsOf($"export default () => {new string('(', 100_000)}1{new string(')', 100_000)};"));
}
