using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces;

/// <summary>
/// What an action computes, written as an expression over its inputs: a step and an expression that do the same thing share
/// one implementation, its limits and its chance that follows from the run.
/// </summary>
/// <param name="expression">Without braces; the names in it are given to <see cref="Of"/>.</param>
internal sealed class Formula(string expression)
{
    private readonly string _text = $"{{{{ {expression} }}}}";

    /// <param name="field">The input that an error is most likely about.</param>
    /// <exception cref="PieceException">It cannot be computed of these inputs, or a limit was broken; the message names the input.</exception>
    public Value Of(PieceContext context, string field, params (string Name, Value Value)[] inputs)
    {
        try
        {
            // A seed of its own: the expressions in the step's input have used that of the step.
            var evaluation = new EvaluationContext(context.Clock, context.IdempotencyKey + "#action");
            evaluation.Begin();
            return CompiledText.Of(_text, field: null).Evaluate(new Inputs(inputs), evaluation, field: null);
        }
        catch (ExpressionException error)
        {
            throw AsPiece(error, field);
        }
    }

    /// <summary>The same error, said of an input and not of an expression nobody wrote.</summary>
    public static PieceException AsPiece(ExpressionException error, string field)
    {
        var start = error.Reason.IndexOf("(): ", StringComparison.Ordinal);
        var reason = start > 0 && error.Reason.AsSpan(0, start).IndexOfAnyExcept(s_letters) < 0 ? error.Reason[(start + 4)..] : error.Reason;
        var message = $"'{field}': {reason}.";
        return error.IsLimit ? PieceException.Final(message, "limit") : PieceException.Input(message);
    }

    private static readonly System.Buffers.SearchValues<char> s_letters =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");

    private sealed class Inputs((string Name, Value Value)[] inputs) : Scope
    {
        public override bool TryGet(string name, out Value value)
        {
            foreach (var input in inputs)
            {
                if (input.Name != name)
                    continue;
                value = input.Value;
                return true;
            }
            value = default;
            return false;
        }

        public override IEnumerable<string> Names => inputs.Select(input => input.Name);
    }
}
