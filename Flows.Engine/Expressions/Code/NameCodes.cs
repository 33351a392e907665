using Flows.Contracts.Expressions;

namespace Flows.Engine.Expressions;

internal sealed class NameCode(TextPosition at, string name) : Code(at)
{
    public string Name { get; } = name;

    public override Value Evaluate(Evaluation run)
    {
        if (run.Scope.TryGet(Name, out var value))
            return value;
        run.At = At;
        throw new ExpressionException($"there is no '{Name}' here.{NearestName.Question(Name, run.Scope.Names)}");
    }
}

/// <summary>A parameter of an arrow function.</summary>
internal sealed class LocalCode(TextPosition at, int slot) : Code(at)
{
    public override Value Evaluate(Evaluation run) => run.Locals[slot];
}

/// <summary><c>target.property</c>: null when the object has no such property, an error on anything else that has none.</summary>
internal sealed class MemberCode(TextPosition at, Code target, string property, bool optional, Expression source) : Code(at)
{
    public override Value Evaluate(Evaluation run)
    {
        var value = target.Evaluate(run);
        if (value.Kind == ValueKind.Object)
        {
            value.AsObject.TryGet(property, out var found);
            return found;
        }
        return Other(value, run);
    }

    private Value Other(Value value, Evaluation run)
    {
        if (value.IsSkipped || (value.IsNull && optional))
            return Value.Skipped;
        run.At = At;
        if (value.IsNull)
            throw new ExpressionException(Reaching.ThroughNull(source, target, $".{property}", $"?.{property}", run));
        if (property == "length" && value.Kind == ValueKind.List)
            return Value.Of(value.AsList.Count);
        if (property == "length" && value.Kind == ValueKind.Text)
            return Value.Of(value.AsText.Length);
        throw new ExpressionException(Reaching.IntoNoObject(source, value, property, run));
    }

    /// <summary>For the message when the property turned out to be missing: what the object has instead.</summary>
    public string MissingNote(Evaluation run)
    {
        var value = target.Evaluate(run);
        if (value.Kind != ValueKind.Object || value.AsObject.TryGet(property, out _))
            return "";
        return NearestName.Question(property, value.AsObject.Keys) is { Length: > 0 } question ? question
            : value.AsObject.Count == 0 ? " The object it should be in is empty."
            : $" What there is: {Shown.Keys(value.AsObject)}.";
    }
}

/// <summary><c>target[key]</c>: a position of a list or text from 0, or a key of an object. What is not there is null.</summary>
internal sealed class ElementCode(TextPosition at, Code target, Code key, bool optional, Expression source) : Code(at)
{
    public override Value Evaluate(Evaluation run)
    {
        var value = target.Evaluate(run);
        if (value.IsSkipped || (value.IsNull && optional))
            return Value.Skipped;
        var at = key.Evaluate(run);
        if (value.Kind == ValueKind.List && at.TryGetInteger(out var index) && index >= 0)
        {
            var list = value.AsList;
            return index < list.Count ? list[(int)index] : Value.Null;
        }
        run.At = At;
        return Other(value, at, run);
    }

    private Value Other(Value value, Value at, Evaluation run)
    {
        switch (value.Kind)
        {
            case ValueKind.Object when at.IsText || at.IsInteger:
                value.AsObject.TryGet(at.ToString(), out var found);
                return found;
            case ValueKind.Object:
                throw new ExpressionException($"a key of an object is text, found {run.Show(at)}");
            case ValueKind.Text when at.TryGetInteger(out var index) && index >= 0:
                return index < value.AsText.Length ? Value.Of(value.AsText[(int)index].ToString()) : Value.Null;
            case ValueKind.Text or ValueKind.List when at.TryGetInteger(out var negative):
                throw new ExpressionException($"a position counts from 0, found {negative}; .at({negative}) counts from the end");
            case ValueKind.Text or ValueKind.List:
                throw new ExpressionException($"a position in {Shown.Kind(value)} is a whole number, found {run.Show(at)}");
            case ValueKind.Null:
                throw new ExpressionException(Reaching.ThroughNull(source, target, "[…]", "?.[…]", run));
            default:
                throw new ExpressionException($"{Reaching.Path(source)} is {run.Show(value)}, which has no parts");
        }
    }
}

/// <summary>The end of a chain with <c>?.</c> in it: what was left out is null from here on.</summary>
internal sealed class OptionalChainCode(TextPosition at, Code chain) : Code(at)
{
    public override Value Evaluate(Evaluation run)
    {
        var value = chain.Evaluate(run);
        return value.IsSkipped ? Value.Null : value;
    }
}

/// <summary>The sentences for a property that cannot be read.</summary>
internal static class Reaching
{
    public static string ThroughNull(Expression source, Code target, string access, string optional, Evaluation run)
    {
        var note = target is MemberCode member ? member.MissingNote(run) : "";
        return $"{Path(source)} is null, so {access} cannot be read; write {optional} where it may be missing.{note}";
    }

    public static string NullInText(Expression source, Code code, Evaluation run)
    {
        var note = code is MemberCode member ? member.MissingNote(run) : "";
        return $"{Path(source)} is null and cannot be put into text; write … ?? '' for an empty text, or another default.{note}";
    }

    public static string IntoNoObject(Expression source, Value value, string property, Evaluation run)
    {
        var hint = value.Kind == ValueKind.List ? $"; take one item with [0], or map(item => item.{property}) for all" : "";
        return $"{Path(source)} is {run.Show(value)}, which has no property '{property}'{hint}";
    }

    /// <summary>The expression as the builder wrote it, when it is a plain path; else words for it.</summary>
    public static string Path(Expression source) => source switch
    {
        Name name => name.Text,
        Member member => $"{Path(member.Target)}.{member.Property}",
        Element { Key: IntegerLiteral index } element => $"{Path(element.Target)}[{index.Value}]",
        Element { Key: TextLiteral key } element => $"{Path(element.Target)}['{Shown.Cut(key.Value)}']",
        Element element => $"{Path(element.Target)}[…]",
        OptionalChain chain => Path(chain.Chain),
        Call call => $"{call.Function}(…)",
        NullLiteral => "null",
        _ => "the value",
    };
}
