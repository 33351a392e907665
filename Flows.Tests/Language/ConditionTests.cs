using System.Text.Json;
using Flows.Contracts.Definitions;
using Flows.Engine.Expressions;

namespace Flows.Tests.Language;

public sealed class ConditionTests
{
    private static bool Holds(string json) => Condition.Compile(JsonElement.Parse(json)).Evaluate(SampleScope.Of(Expressions.Data), Expressions.Context());

    private static string Structured(string op, string left, string? right, bool caseSensitive = false) =>
        $$"""{ "any": [ { "all": [ { "left": {{left}}, "operator": "{{op}}"{{(right is null ? "" : $", \"right\": {right}")}}, "caseSensitive": {{(caseSensitive ? "true" : "false")}} } ] } ] }""";

    [Theory]
    [InlineData("true", true)]
    [InlineData("false", false)]
    [InlineData("\"{{ trigger.body.price > 10 }}\"", true)]
    [InlineData("\"{{ trigger.body.vip && trigger.body.tags.includes('us') }}\"", false)]
    [InlineData("\"{{ trigger.body.nothing }}\"", false)]
    public void Holds_when_it_gives_true(string json, bool expected) => Assert.Equal(expected, Holds(json));

    // null is what is missing: an empty text, no number, no date, neither true nor false, an empty list
    [Theory]
    [InlineData("text_contains", "\"{{trigger.body.note}}\"", "\"US\"", true)]
    [InlineData("text_contains", "\"a{{trigger.body.id}}\"", "42", true)]
    [InlineData("text_contains", "null", "\"x\"", false)]
    [InlineData("text_not_contains", "\"rush\"", "\"x\"", true)]
    [InlineData("text_not_contains", "\"rush\"", "\"US\"", false)]
    [InlineData("text_equals", "\"Rush\"", "\"rUSH\"", true)]
    [InlineData("text_equals", "\"{{trigger.body.id}}\"", "\"42\"", true)]
    [InlineData("text_equals", "null", "\"\"", true)]
    [InlineData("text_not_equals", "\"a\"", "\"A\"", false)]
    [InlineData("text_not_equals", "\"a\"", "\"b\"", true)]
    [InlineData("text_starts_with", "\"Order 1\"", "\"order\"", true)]
    [InlineData("text_not_starts_with", "\"Order 1\"", "\"order\"", false)]
    [InlineData("text_ends_with", "\"a.PDF\"", "\".pdf\"", true)]
    [InlineData("text_not_ends_with", "\"a.png\"", "\".pdf\"", true)]
    [InlineData("number_greater_than", "\"{{trigger.body.price}}\"", "12", true)]
    [InlineData("number_greater_than", "\"12.5\"", "\"12.5\"", false)]
    [InlineData("number_greater_than", "null", "-1", false)]
    [InlineData("number_less_than", "\" 7 \"", "8", true)]
    [InlineData("number_less_than", "null", "1", false)]
    [InlineData("number_equals", "1", "\"1.0\"", true)]
    [InlineData("number_equals", "9007199254740993", "9007199254740992", false)]
    [InlineData("boolean_is_true", "\"{{trigger.body.vip}}\"", null, true)]
    [InlineData("boolean_is_true", "\"False\"", null, false)]
    [InlineData("boolean_is_true", "null", null, false)]
    [InlineData("boolean_is_false", "false", null, true)]
    [InlineData("boolean_is_false", "null", null, false)]
    [InlineData("date_before", "\"2026-01-01\"", "\"2026-01-01T00:00:01Z\"", true)]
    [InlineData("date_before", "null", "\"2026-01-01\"", false)]
    [InlineData("date_equals", "\"2026-01-01T00:00:00Z\"", "\"2026-01-01T01:00:00+01:00\"", true)]
    [InlineData("date_equals", "null", "null", false)]
    [InlineData("date_after", "\"2026-01-02\"", "1767225600000", true)]
    [InlineData("list_contains", "\"{{trigger.body.tags}}\"", "\"EU\"", true)]
    [InlineData("list_contains", "[1, [2]]", "[2]", true)]
    [InlineData("list_contains", "null", "1", false)]
    [InlineData("list_not_contains", "\"{{trigger.body.tags}}\"", "\"us\"", true)]
    [InlineData("list_is_empty", "[]", null, true)]
    [InlineData("list_is_empty", "null", null, true)]
    [InlineData("list_is_not_empty", "\"{{trigger.body.lines}}\"", null, true)]
    [InlineData("exists", "\"{{trigger.body.nothing}}\"", null, false)]
    [InlineData("exists", "\"{{trigger.body.empty}}\"", null, false)]
    [InlineData("exists", "0", null, true)]
    [InlineData("not_exists", "null", null, true)]
    [InlineData("not_exists", "false", null, false)]
    public void Each_operator_tests_what_it_says(string op, string left, string? right, bool expected) => Assert.Equal(expected, Holds(Structured(op, left, right)));

    [Theory]
    [InlineData("text_contains", "\"Rush\"", "\"rush\"", false)]
    [InlineData("text_equals", "\"Rush\"", "\"Rush\"", true)]
    [InlineData("text_starts_with", "\"Rush\"", "\"r\"", false)]
    [InlineData("list_contains", "[\"EU\"]", "\"eu\"", false)]
    public void Capitals_count_when_asked_for(string op, string left, string right, bool expected) =>
        Assert.Equal(expected, Holds(Structured(op, left, right, caseSensitive: true)));

    [Fact]
    public void There_are_22_operators_and_the_table_above_tests_each()
    {
        Assert.Equal(22, ConditionOperators.All.Count);
        var tested = typeof(ConditionTests).GetMethod(nameof(Each_operator_tests_what_it_says))!.GetCustomAttributesData().Where(a => a.AttributeType == typeof(InlineDataAttribute))
            .Select(a => (string)((IReadOnlyList<System.Reflection.CustomAttributeTypedArgument>)a.ConstructorArguments[0].Value!)[0].Value!);
        Assert.Empty(ConditionOperators.All.Select(op => op.Name).Except(tested));
    }

    [Theory]
    [InlineData("1", "2", true)]
    [InlineData("1", "1", false)]
    [InlineData("2", "2", true)]
    public void Any_group_of_which_all_tests_hold_is_enough(string a, string b, bool expected) => Assert.Equal(expected, Holds($$"""
        { "any": [
          { "all": [ { "left": {{a}}, "operator": "number_equals", "right": 1 }, { "left": {{b}}, "operator": "number_equals", "right": 2 } ] },
          { "all": [ { "left": {{a}}, "operator": "number_equals", "right": 2 } ] } ] }
        """));

    [Theory]
    [InlineData("1", "$: a condition is true, false, an expression in a string, or the structured form { \"any\": […] }")]
    [InlineData("\"yes\"", "$: a condition is an expression: write it between '{{' and '}}'")]
    [InlineData("\"{{trigger.body.id}} > 1\"", "$: a condition is one expression: put the whole comparison between one '{{' and '}}'")]
    [InlineData("\"{{ 1 + }}\"", "$:1:8: expected a value, found '}'")]
    [InlineData("\"{{ trigger.body.note }}\"", "$: a condition gives true or false, found text; compare it, as in x === 'yes', x > 0 or isEmpty(x)")]
    [InlineData("{}", "$: expected an object with a list 'any' that is not empty")]
    [InlineData("{\"any\":[{\"all\":[]}]}", "$.any[0]: expected an object with a list 'all' that is not empty")]
    [InlineData("{\"any\":[{\"all\":[{\"left\":1,\"operator\":\"text_contain\",\"right\":2}]}]}", "$.any[0].all[0].operator: there is no operator 'text_contain'. Did you mean 'text_contains'?")]
    [InlineData("{\"any\":[{\"all\":[{\"left\":1,\"operator\":\"text_contains\"}]}]}", "$.any[0].all[0]: 'right' is missing: 'text_contains' compares with it")]
    [InlineData("{\"any\":[{\"all\":[{\"left\":\"{{trigger.x.y}}\",\"operator\":\"exists\"}]}]}", "$.any[0].all[0].left:1:13: trigger.x is null, so .y cannot be read; write ?.y where it may be missing. What there is: body.")]
    [InlineData("{\"any\":[{\"all\":[{\"left\":[1],\"operator\":\"text_equals\",\"right\":\"x\"}]}]}", "$.any[0].all[0].left: 'text_equals' expects text, found a list")]
    [InlineData("{\"any\":[{\"all\":[{\"left\":1,\"operator\":\"number_equals\",\"right\":\"x\"}]}]}", "$.any[0].all[0].right: 'number_equals' expects a number, found text")]
    [InlineData("{\"any\":[{\"all\":[{\"left\":\"x\",\"operator\":\"list_is_empty\"}]}]}", "$.any[0].all[0].left: 'list_is_empty' expects a list, found text")]
    public void A_mistake_is_named_with_its_field(string json, string message) =>
        Assert.Equal(message, Assert.Throws<ExpressionException>(() => Holds(json)).Message);
}
