using Flows.Contracts.Expressions;

namespace Flows.Engine.Expressions;

/// <summary>A call of a library function. Arguments that are arrow functions are not values: they are kept beside them.</summary>
internal sealed class CallCode(TextPosition at, Function function, Code[] arguments, LambdaCode?[] lambdas, bool optional) : Code(at)
{
    private readonly bool _spreads = Array.Exists(arguments, argument => argument is SpreadCode);

    public override Value Evaluate(Evaluation run)
    {
        Value[] values;
        if (_spreads)
            values = SpreadCode.EvaluateAll(arguments, run).ToArray();
        else
        {
            values = arguments.Length == 0 ? [] : new Value[arguments.Length];
            for (var i = 0; i < arguments.Length; i++)
            {
                if (lambdas[i] is not null)
                    continue;
                values[i] = arguments[i].Evaluate(run);
                if (i == 0 && (values[0].IsSkipped || (optional && values[0].IsNull)))
                    return Value.Skipped;
            }
        }
        run.At = At;
        run.Context.Step();
        foreach (ref readonly var value in values.AsSpan())
            run.Context.Work(value.Weight);
        if (_spreads && (values.Length < function.Signature.Least || values.Length > function.Signature.Most))
            throw new ExpressionException(function.Signature.WrongCount(values.Length));
        return function.Body(new FunctionCall(run, function, values, lambdas, At));
    }
}

/// <summary>An arrow function in the arguments of a call. It exists only while that call runs.</summary>
internal sealed class LambdaCode(TextPosition at, LambdaParameter[] parameters, Code body) : Code(at)
{
    public override Value Evaluate(Evaluation run) => body.Evaluate(run);

    public Value Invoke(Evaluation run, Value first, Value second = default, Value third = default)
    {
        run.Context.Step();
        for (var i = 0; i < parameters.Length; i++)
            parameters[i].Set(run, i switch { 0 => first, 1 => second, 2 => third, _ => default }, At);
        return body.Evaluate(run);
    }
}

/// <param name="Slots">Where the names go, in their order.</param>
internal sealed record LambdaParameter(ParameterShape Shape, IReadOnlyList<string> Names, int[] Slots)
{
    public void Set(Evaluation run, Value value, TextPosition at)
    {
        if (Shape == ParameterShape.Name)
        {
            run.Locals[Slots[0]] = value;
            return;
        }
        run.At = at;
        var expected = Shape == ParameterShape.ListParts ? ValueKind.List : ValueKind.Object;
        if (value.Kind != expected)
            throw new ExpressionException($"the parameter takes {Shown.Kind(expected)} apart, found {run.Show(value)}");
        for (var i = 0; i < Slots.Length; i++)
        {
            var part = Value.Null;
            if (expected == ValueKind.List)
                part = i < value.AsList.Count ? value.AsList[i] : Value.Null;
            else
                value.AsObject.TryGet(Names[i], out part);
            run.Locals[Slots[i]] = part;
        }
    }
}
