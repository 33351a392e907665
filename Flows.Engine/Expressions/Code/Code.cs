using Flows.Contracts.Expressions;

namespace Flows.Engine.Expressions;

/// <summary>A compiled expression: names of arrow parameters are slots, functions are looked up. Immutable, shared between runs.</summary>
internal abstract class Code(TextPosition at)
{
    public TextPosition At { get; } = at;
    public abstract Value Evaluate(Evaluation run);
}

/// <summary>One evaluation of one JSON string.</summary>
/// <param name="slots">Parameters of all arrow functions in it. Each has a place of its own: an arrow cannot call itself, so it is never in use twice.</param>
/// <param name="hidesData">The string names a connection: messages must not show values.</param>
internal sealed class Evaluation(Scope scope, EvaluationContext context, int slots, bool hidesData)
{
    public Scope Scope { get; } = scope;
    public EvaluationContext Context { get; } = context;
    public Value[] Locals { get; } = slots == 0 ? [] : new Value[slots];
    /// <summary>What was about to be done when an exception without a place of its own is thrown.</summary>
    public TextPosition At { get; set; }

    /// <summary>The value as a message may show it.</summary>
    public string Show(Value value) => hidesData && value.Kind is ValueKind.Text or ValueKind.Object ? Shown.Kind(value) : Shown.Of(value);
}

internal sealed class ConstantCode(TextPosition at, Value value) : Code(at)
{
    public Value Value { get; } = value;
    public override Value Evaluate(Evaluation run) => Value;
}

internal sealed class ListCode(TextPosition at, Code[] items) : Code(at)
{
    public override Value Evaluate(Evaluation run)
    {
        var list = Array.Exists(items, item => item is SpreadCode) ? Spreading(run) : Plain(run);
        run.At = At;
        run.Context.Items(list.Length);
        return run.Context.Checked(Value.Of(new ValueList(list)));
    }

    private Value[] Plain(Evaluation run)
    {
        var list = new Value[items.Length];
        for (var i = 0; i < items.Length; i++)
            list[i] = items[i].Evaluate(run);
        return list;
    }

    private Value[] Spreading(Evaluation run) => SpreadCode.EvaluateAll(items, run).ToArray();
}

/// <summary><c>...x</c> in a list or in arguments; its parent takes the value apart.</summary>
internal sealed class SpreadCode(TextPosition at, Code operand) : Code(at)
{
    public override Value Evaluate(Evaluation run) => operand.Evaluate(run);

    public static List<Value> EvaluateAll(Code[] items, Evaluation run)
    {
        var list = new List<Value>();
        foreach (var item in items)
        {
            var value = item.Evaluate(run);
            if (item is not SpreadCode)
            {
                list.Add(value);
                continue;
            }
            run.At = item.At;
            if (value.Kind != ValueKind.List)
                throw new ExpressionException($"'...' takes a list apart, found {run.Show(value)}");
            run.Context.Items(list.Count + value.AsList.Count);
            list.AddRange(value.AsList.Span);
        }
        return list;
    }
}

internal sealed class ObjectCode(TextPosition at, (Code? Key, Code Value)[] entries) : Code(at)
{
    public override Value Evaluate(Evaluation run)
    {
        var builder = new ValueObject.Builder();
        foreach (var (key, value) in entries)
        {
            if (key is null)
                SpreadInto(builder, value, run);
            else
                builder.Set(KeyText(key.Evaluate(run), key, run), value.Evaluate(run));
        }
        run.At = At;
        run.Context.Items(builder.Count);
        return run.Context.Checked(Value.Of(builder.ToObject()));
    }

    private static string KeyText(Value key, Code code, Evaluation run)
    {
        run.At = code.At;
        return key.IsText || key.IsNumber ? key.ToString() : throw new ExpressionException($"a key is text, found {run.Show(key)}");
    }

    // Null spreads to nothing, as in JavaScript: { ...defaults, ...maybe }.
    private static void SpreadInto(ValueObject.Builder builder, Code code, Evaluation run)
    {
        var value = code.Evaluate(run);
        run.At = code.At;
        if (value.Kind is not (ValueKind.Object or ValueKind.Null))
            throw new ExpressionException($"'...' in an object takes an object apart, found {run.Show(value)}");
        if (value.IsNull)
            return;
        run.Context.Items(builder.Count + value.AsObject.Count);
        builder.SetAll(value.AsObject);
    }
}

/// <summary>Text with values in it: back-tick text, and a JSON string with expressions among its words.</summary>
internal sealed class TextCode(TextPosition at, Code[] parts, IReadOnlyList<Expression> sources) : Code(at)
{
    public override Value Evaluate(Evaluation run)
    {
        var texts = new string[parts.Length];
        var length = 0L;
        for (var i = 0; i < parts.Length; i++)
        {
            var value = parts[i].Evaluate(run);
            run.At = parts[i].At;
            texts[i] = value.IsNull ? throw new ExpressionException(Reaching.NullInText(sources[i], parts[i], run)) : Operators.InText(value, run);
            length += texts[i].Length;
        }
        run.At = At;
        run.Context.Text(length);
        return Value.Of(string.Concat(texts));
    }
}
