using Flows.Contracts.Expressions;

namespace Flows.Engine.Expressions;

/// <summary>One JSON string with its expressions compiled. Immutable, shared between runs.</summary>
internal sealed class CompiledText
{
    private readonly Code _code;
    private readonly int _slots;
    private readonly bool _hidesData;

    private CompiledText(string text)
    {
        var template = TextTemplate.Parse(text);
        var compiler = new Compiler();
        _code = template.IsOneExpression
            ? compiler.Compile(template.Parts[0])
            : new TextCode(new TextPosition(1, 1), [.. template.Parts.Select(compiler.Compile)], template.Parts);
        _slots = compiler.Slots;
        HasExpressions = template.HasExpressions;
        IsOneExpression = template.IsOneExpression;
        _hidesData = template.Parts.Any(part => References.Of(part).Names.Any(name => name.Text == "connections"));
    }

    public bool HasExpressions { get; }
    /// <summary>The string is one <c>{{ … }}</c> and nothing else.</summary>
    public bool IsOneExpression { get; }

    /// <summary>From the cache, or parsed and compiled.</summary>
    /// <exception cref="ExpressionException">An expression in it cannot be read.</exception>
    public static CompiledText Of(string text, string? field)
    {
        try
        {
            return ExpressionCache.Shared.Get(text, static text => new CompiledText(text));
        }
        catch (ExpressionSyntaxException error)
        {
            throw new ExpressionException(error.Reason, error.At, field, error);
        }
        catch (ExpressionException error)
        {
            throw error.With(error.At ?? new TextPosition(1, 1), field);
        }
    }

    public Value Evaluate(Scope scope, EvaluationContext context, string? field)
    {
        var run = new Evaluation(scope, context, _slots, _hidesData);
        try
        {
            return _code.Evaluate(run);
        }
        catch (ExpressionException error)
        {
            throw error.With(run.At, field);
        }
    }
}
