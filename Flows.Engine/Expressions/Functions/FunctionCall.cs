using Flows.Contracts.Expressions;

namespace Flows.Engine.Expressions;

/// <summary>The arguments of one call, taken by kind: a wrong kind is an error that names function, argument, expectation and finding.</summary>
internal sealed class FunctionCall(Evaluation run, Function function, Value[] values, LambdaCode?[] lambdas, TextPosition at)
{
    public EvaluationContext Context => run.Context;
    public string Name => function.Name;
    public TextPosition At => at;
    public int Count => values.Length;
    public Value this[int index] => index < values.Length ? values[index] : Value.Null;
    /// <summary>Given, and not null: null stands for an argument left out.</summary>
    public bool Has(int index) => index < values.Length && (!values[index].IsNull || LambdaAt(index) is not null);
    /// <summary>The arguments from a position on.</summary>
    public IReadOnlyList<Value> From(int index) => index < values.Length ? values[index..] : [];

    public string Text(int index) => this[index].TryGetText(out var text) ? text : throw Wrong(index, "text");
    public string Text(int index, string otherwise) => Has(index) ? Text(index) : otherwise;

    public double Number(int index) => this[index].IsNumber ? this[index].AsDouble : throw Wrong(index, "a number");
    public Value NumberValue(int index) => this[index].IsNumber ? this[index] : throw Wrong(index, "a number");

    public long Integer(int index) => this[index].TryGetInteger(out var integer) ? integer : throw Wrong(index, "a whole number");
    public long Integer(int index, long otherwise) => Has(index) ? Integer(index) : otherwise;

    public int Integer(int index, int least, int most)
    {
        if (this[index].TryGetInteger(out var integer) && integer >= least && integer <= most)
            return (int)integer;
        throw Wrong(index, $"a whole number from {least} to {most}");
    }

    public bool Boolean(int index, bool otherwise) =>
        !Has(index) ? otherwise : this[index].Kind == ValueKind.Boolean ? this[index].AsBoolean : throw Wrong(index, "true or false");

    public ValueList List(int index) => this[index].Kind == ValueKind.List ? this[index].AsList : throw Wrong(index, "a list");
    public ValueObject Object(int index) => this[index].Kind == ValueKind.Object ? this[index].AsObject : throw Wrong(index, "an object");

    /// <summary>What to do with each item: an arrow function, or the name of a property to take from it.</summary>
    public Func<Value, Value, Value> Each(int index)
    {
        if (LambdaAt(index) is { } lambda)
            return (item, position) => lambda.Invoke(run, item, position);
        if (!this[index].TryGetText(out var property))
            throw Wrong(index, "an arrow function such as item => item.name, or the name of a property");
        return (item, _) =>
        {
            run.Context.Step();
            if (item.Kind != ValueKind.Object)
                throw Fail($"the items of the list are to have a property '{property}', found {run.Show(item)}");
            item.AsObject.TryGet(property, out var value);
            return value;
        };
    }

    public LambdaCode Arrow(int index) => LambdaAt(index) ?? throw Wrong(index, "an arrow function");

    // Spreading shifts positions, so an arrow function is only where it was written when nothing is spread.
    private LambdaCode? LambdaAt(int index) => index < lambdas.Length ? lambdas[index] : null;

    public Value Invoke(LambdaCode lambda, Value first, Value second = default, Value third = default) => lambda.Invoke(run, first, second, third);

    /// <summary>Checks a list that is about to grow.</summary>
    public void Room(long items) => Context.Room(items);

    /// <summary>A list as the result, counted against the limits.</summary>
    public Value Result(List<Value> items)
    {
        Context.Items(items.Count);
        return Context.Checked(Value.Of(new ValueList(items.ToArray())));
    }

    public Value Result(ValueObject.Builder builder)
    {
        Context.Items(builder.Count);
        return Context.Checked(Value.Of(builder.ToObject()));
    }

    public Value Result(string text)
    {
        Context.Text(text.Length);
        return Value.Of(text);
    }

    public int Compare(Value a, Value b) => Operators.Compare(a, b, function.Name, run);
    public string InText(Value value) => Operators.InText(value, run);
    public string Show(Value value) => run.Show(value);

    public ExpressionException Fail(string reason, Exception? inner = null) => new($"{function.Name}(): {reason}", at, inner: inner);

    public ExpressionException Wrong(int index, string expected)
    {
        var hint = expected.Contains("number", StringComparison.Ordinal) ? Operators.NumberHint(this[index]) : "";
        var found = index < values.Length ? run.Show(this[index]) : "nothing";
        return new($"{function.Name}() expects {expected} as its {FunctionSignature.Ordinal(index)} argument, found {found}{hint}", at);
    }
}
