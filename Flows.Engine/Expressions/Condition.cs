using System.Text.Json;
using Flows.Contracts.Definitions;
using Flows.Contracts.Expressions;

namespace Flows.Engine.Expressions;

/// <summary>
/// The <c>when</c> of a branch: a JSON boolean, a string that is one expression, or the structured form
/// <c>{ "any": [ { "all": [ { "left", "operator", "right"?, "caseSensitive"? } ] } ] }</c>, which holds when all tests of any group do.
/// </summary>
public sealed class Condition
{
    private readonly Func<Scope, EvaluationContext, bool> _holds;

    private Condition(Func<Scope, EvaluationContext, bool> holds) => _holds = holds;

    /// <param name="field">What paths in messages begin with.</param>
    /// <exception cref="ExpressionException">It is none of these; field, and position within an expression, are set.</exception>
    public static Condition Compile(JsonElement when, string field = "$") => when.ValueKind switch
    {
        JsonValueKind.True => new Condition((_, _) => true),
        JsonValueKind.False => new Condition((_, _) => false),
        JsonValueKind.String => OfExpression(Value.FromJson(when).AsText, field),
        JsonValueKind.Object => OfStructure(when, field),
        _ => throw new ExpressionException("a condition is true, false, an expression in a string, or the structured form { \"any\": […] }", field: field),
    };

    /// <exception cref="ExpressionException">Field and position are set.</exception>
    public bool Evaluate(Scope scope, EvaluationContext context)
    {
        context.Begin();
        return _holds(scope, context);
    }

    private static Condition OfExpression(string text, string field)
    {
        var compiled = CompiledText.Of(text, field);
        if (!compiled.IsOneExpression)
        {
            throw new ExpressionException(compiled.HasExpressions
                ? "a condition is one expression: put the whole comparison between one '{{' and '}}'"
                : "a condition is an expression: write it between '{{' and '}}'", field: field);
        }
        return new Condition((scope, context) =>
        {
            var value = compiled.Evaluate(scope, context, field);
            return value.Kind switch
            {
                ValueKind.Boolean => value.AsBoolean,
                ValueKind.Null => false,
                _ => throw new ExpressionException($"a condition gives true or false, found {Shown.Kind(value)}; compare it, as in x === 'yes', x > 0 or isEmpty(x)", field: field),
            };
        });
    }

    private static Condition OfStructure(JsonElement when, string field)
    {
        var groups = List(when, "any", field).Select((group, i) =>
            List(group, "all", $"{field}.any[{i}]").Select((test, j) => Test(test, $"{field}.any[{i}].all[{j}]")).ToArray()).ToArray();
        return new Condition((scope, context) => Array.Exists(groups, group => Array.TrueForAll(group, test => test.Holds(scope, context))));
    }

    private static JsonElement[] List(JsonElement parent, string name, string field) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var list) && list.ValueKind == JsonValueKind.Array && list.GetArrayLength() > 0
            ? [.. list.EnumerateArray()]
            : throw new ExpressionException($"expected an object with a list '{name}' that is not empty", field: field);

    private static ConditionTest Test(JsonElement test, string field)
    {
        if (test.ValueKind != JsonValueKind.Object || !test.TryGetProperty("operator", out var name) || name.ValueKind != JsonValueKind.String)
            throw new ExpressionException("a test is an object with 'left', 'operator' and, for most operators, 'right'", field: field);
        var word = Value.FromJson(name).AsText;
        var op = ConditionOperators.Find(word)
            ?? throw new ExpressionException($"there is no operator '{word}'.{NearestName.Question(word, ConditionOperators.All.Select(known => known.Name))}", field: $"{field}.operator");
        if (!test.TryGetProperty("left", out var left))
            throw new ExpressionException("'left' is missing", field: field);
        if (!test.TryGetProperty("right", out var right) && op.NeedsRight)
            throw new ExpressionException($"'right' is missing: '{op.Name}' compares with it", field: field);
        var caseSensitive = test.TryGetProperty("caseSensitive", out var flag) && flag.ValueKind == JsonValueKind.True;
        return new ConditionTest(op, InputTemplate.Compile(left, $"{field}.left"), op.NeedsRight ? InputTemplate.Compile(right, $"{field}.right") : null, caseSensitive, field);
    }
}
