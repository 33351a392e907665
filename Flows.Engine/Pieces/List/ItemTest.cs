using System.Text.Json;
using Flows.Contracts.Definitions;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.List;

/// <summary>One test of the structured condition, on item after item.</summary>
internal sealed class ItemTest : Scope
{
    private static readonly InputTemplate s_item = Template("{{item}}");
    private static readonly InputTemplate s_value = Template("{{value}}");

    private readonly ConditionTest _test;
    private readonly EvaluationContext _context;
    private readonly Value _value;
    private Value _item;

    /// <exception cref="PieceException">The test compares, and there is nothing to compare with.</exception>
    public ItemTest(string name, Value value, bool caseSensitive, PieceContext context)
    {
        var known = ConditionOperators.Find(name)!;
        if (known.NeedsRight && value.IsNull)
            throw PieceException.Input($"'value' is required: '{name}' compares with it.");
        _test = new ConditionTest(known, s_item, known.NeedsRight ? s_value : null, caseSensitive, "items");
        (_value, _context) = (value, new EvaluationContext(context.Clock, context.IdempotencyKey));
        _context.Begin();
    }

    /// <exception cref="PieceException">The item, or what it is compared with, is of a kind this test does not take.</exception>
    public bool Holds(Value item, int position)
    {
        _item = item;
        try
        {
            return _test.Holds(this, _context);
        }
        catch (ExpressionException error)
        {
            throw Formula.AsPiece(error, error.Field == "items.right" ? "value" : $"items[{position}]");
        }
    }

    public override bool TryGet(string name, out Value value)
    {
        value = name == "item" ? _item : _value;
        return true;
    }

    public override IEnumerable<string> Names => ["item", "value"];

    private static InputTemplate Template(string text)
    {
        using var document = JsonDocument.Parse($"\"{text}\"");
        return InputTemplate.Compile(document.RootElement);
    }
}
