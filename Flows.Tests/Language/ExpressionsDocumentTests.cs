using System.Text.RegularExpressions;
using Flows.Contracts.Definitions;
using Flows.Contracts.Expressions;
using Flows.Engine.Expressions;

namespace Flows.Tests.Language;

/// <summary>With FLOWS_WRITE_DOCS=1 in the environment the generated parts of docs/expressions.md are written instead of compared.</summary>
public sealed class ExpressionsDocumentTests
{
    private static string Path() => Tree.PathOf("docs", "expressions.md");

    [Theory]
    [InlineData(ExpressionsDocument.Begin, ExpressionsDocument.End)]
    [InlineData(OperatorsBegin, OperatorsEnd)]
    public void The_tables_are_those_of_the_engine(string begin, string end)
    {
        var text = File.ReadAllText(Path());
        var (from, to) = (text.IndexOf(begin, StringComparison.Ordinal), text.IndexOf(end, StringComparison.Ordinal) + end.Length);
        Assert.True(from >= 0 && to > from, $"docs/expressions.md has no part that begins with {begin}");
        var expected = begin == OperatorsBegin ? Operators() : ExpressionsDocument.Functions();
        if (Environment.GetEnvironmentVariable("FLOWS_WRITE_DOCS") == "1")
            File.WriteAllText(Path(), text[..from] + expected + text[to..]);
        else
            Assert.True(expected == text[from..to], "docs/expressions.md is older than the engine; run this test with FLOWS_WRITE_DOCS=1.");
    }

    private const string OperatorsBegin = "<!-- operators -->";
    private const string OperatorsEnd = "<!-- end of operators -->";

    private static string Operators() =>
        $"{OperatorsBegin}\n| Operator | Holds when |\n|---|---|\n{string.Concat(ConditionOperators.All.Select(op => $"| `{op.Name}` | {op.Help} |\n"))}{OperatorsEnd}";

    [Fact]
    public void The_limits_are_those_of_the_engine()
    {
        var text = File.ReadAllText(Path());
        var limits = ExpressionLimits.Default;
        string[] figures =
        [
            FormattableString.Invariant($"{limits.Steps:N0} steps"), FormattableString.Invariant($"{limits.Time.TotalSeconds:0} seconds"), FormattableString.Invariant($"{limits.Size:N0} values and characters"),
            FormattableString.Invariant($"{limits.TextLength:N0} characters"), FormattableString.Invariant($"{limits.ListItems:N0} items"), FormattableString.Invariant($"nested {limits.Depth} levels"),
            FormattableString.Invariant($"{limits.PatternTime.TotalMilliseconds:0} ms"), FormattableString.Invariant($"{Parser.MaxLength:N0} characters"), "at most 60 levels",
        ];
        var section = text[text.IndexOf("## Limits", StringComparison.Ordinal)..].ReplaceLineEndings(" ");
        Assert.All(figures, figure => Assert.Contains(figure, section, StringComparison.Ordinal));
        Assert.Throws<ExpressionSyntaxException>(() => Parser.Parse(new string('(', 61) + "1" + new string(')', 61)));
        Parser.Parse(new string('(', 59) + "1" + new string(')', 59));
    }

    [Fact]
    public void There_are_many_functions_each_described_once()
    {
        Assert.True(FunctionTable.All.Count >= 80, $"There are {FunctionTable.All.Count} functions.");
        var described = FunctionTable.Describe();
        Assert.Equal(described.Count, described.Select(function => function.Name).Distinct().Count());
        Assert.All(described, function =>
        {
            Assert.Matches("^([A-Z][A-Za-z]*\\.)?[a-zA-Z][A-Za-z0-9]*$", function.Name);
            Assert.Equal(function.Name, FunctionSignature.Parse(function.Signature).Name);
            Assert.EndsWith(".", function.Help, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Every_function_whose_result_is_known_is_tested_by_a_table()
    {
        var expressions = typeof(ExpressionsDocumentTests).Assembly.GetTypes()
            .Where(type => type.Namespace == typeof(ExpressionsDocumentTests).Namespace)
            .SelectMany(type => type.GetMethods())
            .SelectMany(method => method.GetCustomAttributesData().Where(a => a.AttributeType == typeof(InlineDataAttribute)))
            .Select(a => ((IReadOnlyList<System.Reflection.CustomAttributeTypedArgument>)a.ConstructorArguments[0].Value!)[0].Value as string ?? "");
        var called = expressions.SelectMany(text => Regex.Matches(text, @"([A-Za-z][A-Za-z0-9.]*)\(").Select(match => match.Groups[1].Value))
            .SelectMany(name => new[] { name, name[(name.LastIndexOf('.') + 1)..] }).ToHashSet();
        Assert.Empty(FunctionTable.All.Where(function => !called.Contains(function.Name) && function.Name is not ("now" or "today" or "timestamp" or "uuid" or "resumeUrl" or "approvalUrl")).Select(function => function.Name));
    }
}
