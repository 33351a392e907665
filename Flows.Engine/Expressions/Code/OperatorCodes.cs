using Flows.Contracts.Expressions;

namespace Flows.Engine.Expressions;

internal sealed class NotCode(TextPosition at, Code operand) : Code(at)
{
    public override Value Evaluate(Evaluation run) => Value.Of(!operand.Evaluate(run).IsTruthy);
}

internal sealed class SignCode(TextPosition at, Code operand, bool negative) : Code(at)
{
    public override Value Evaluate(Evaluation run)
    {
        var value = operand.Evaluate(run);
        run.At = At;
        if (!value.IsNumber)
            throw new ExpressionException($"'{(negative ? '-' : '+')}' needs a number, found {run.Show(value)}{Operators.NumberHint(value)}");
        if (!negative)
            return value;
        return value.TryGetInteger(out var integer) && integer != long.MinValue ? Value.Of(-integer) : Value.Of(-value.AsDouble);
    }
}

internal sealed class BinaryCode(TextPosition at, BinaryOperator op, Code left, Code right) : Code(at)
{
    public override Value Evaluate(Evaluation run)
    {
        var (a, b) = (left.Evaluate(run), right.Evaluate(run));
        run.At = At;
        run.Context.Step();
        run.Context.Work(a.Weight);
        return Operators.Apply(op, a, b, run);
    }
}

internal sealed class AndCode(TextPosition at, Code left, Code right) : Code(at)
{
    public override Value Evaluate(Evaluation run) => left.Evaluate(run) is { IsTruthy: false } value ? value : right.Evaluate(run);
}

internal sealed class OrCode(TextPosition at, Code left, Code right) : Code(at)
{
    public override Value Evaluate(Evaluation run) => left.Evaluate(run) is { IsTruthy: true } value ? value : right.Evaluate(run);
}

internal sealed class DefaultCode(TextPosition at, Code left, Code right) : Code(at)
{
    public override Value Evaluate(Evaluation run) => left.Evaluate(run) is { IsNull: false } value ? value : right.Evaluate(run);
}

internal sealed class ConditionalCode(TextPosition at, Code test, Code then, Code otherwise) : Code(at)
{
    public override Value Evaluate(Evaluation run) => test.Evaluate(run).IsTruthy ? then.Evaluate(run) : otherwise.Evaluate(run);
}
