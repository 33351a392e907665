using System.Text.Json;
using Flows.Contracts.Definitions;

namespace Flows.Engine.Expressions;

/// <summary>
/// A JSON value of a definition whose strings, at any depth, may hold expressions. A string that is one whole <c>{{ … }}</c> becomes the
/// value with its type; expressions within other text become text. Keys are taken as they are. Immutable: compile once, evaluate often.
/// </summary>
public sealed class InputTemplate
{
    private readonly Part _root;

    private InputTemplate(Part root) => _root = root;

    /// <summary>True when it holds no expression.</summary>
    public bool IsConstant => _root is Constant;

    /// <param name="field">What paths in messages begin with.</param>
    /// <exception cref="ExpressionException">An expression in it cannot be read; field and position are set.</exception>
    public static InputTemplate Compile(JsonElement input, string field = "$")
    {
        try
        {
            return new(Build(input, field));
        }
        catch (JsonException error)
        {
            throw new ExpressionException($"the JSON is nested more than {Value.MaxDepth} levels deep, or holds a number that is too large", field: field, inner: error);
        }
    }

    /// <exception cref="ExpressionException">Field and position are set.</exception>
    public Value Evaluate(Scope scope, EvaluationContext context)
    {
        context.Begin();
        return _root.Evaluate(scope, context);
    }

    /// <summary>As a part of an evaluation that has begun.</summary>
    internal Value EvaluateWithin(Scope scope, EvaluationContext context) => _root.Evaluate(scope, context);

    private static Part Build(JsonElement input, string field)
    {
        switch (input.ValueKind)
        {
            case JsonValueKind.String:
                var value = Value.FromJson(input);
                var text = CompiledText.Of(value.AsText, field);
                return text.HasExpressions ? new Text(text, field) : new Constant(value);
            case JsonValueKind.Array:
                var items = input.EnumerateArray().Select((item, i) => Build(item, $"{field}[{i}]")).ToArray();
                return Array.TrueForAll(items, item => item is Constant) ? new Constant(Value.FromJson(input)) : new Items(items);
            case JsonValueKind.Object:
                var properties = input.EnumerateObject().Select(p => (p.Name, Build(p.Value, FieldPath.Of(field, p.Name)))).ToArray();
                return Array.TrueForAll(properties, p => p.Item2 is Constant) ? new Constant(Value.FromJson(input)) : new Properties(properties);
            default:
                return new Constant(Value.FromJson(input));
        }
    }

    private abstract class Part
    {
        public abstract Value Evaluate(Scope scope, EvaluationContext context);
    }

    private sealed class Constant(Value value) : Part
    {
        public override Value Evaluate(Scope scope, EvaluationContext context) => value;
    }

    private sealed class Text(CompiledText text, string field) : Part
    {
        public override Value Evaluate(Scope scope, EvaluationContext context) => text.Evaluate(scope, context, field);
    }

    private sealed class Items(Part[] items) : Part
    {
        public override Value Evaluate(Scope scope, EvaluationContext context) =>
            context.Checked(Value.Of(new ValueList(Array.ConvertAll(items, item => item.Evaluate(scope, context)))));
    }

    private sealed class Properties((string Name, Part Part)[] properties) : Part
    {
        public override Value Evaluate(Scope scope, EvaluationContext context)
        {
            var builder = new ValueObject.Builder();
            foreach (var (name, part) in properties)
                builder.Set(name, part.Evaluate(scope, context));
            return context.Checked(Value.Of(builder.ToObject()));
        }
    }
}
