using System.Text.Json;
using Flows.Contracts.Definitions;

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
}
