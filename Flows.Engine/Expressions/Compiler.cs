using Flows.Contracts.Expressions;

namespace Flows.Engine.Expressions;

/// <summary>Turns a parsed expression into code: finds functions, gives arrow parameters their slots, works out constants.</summary>
internal sealed class Compiler
{
    private readonly List<Dictionary<string, int>> _arrows = [];

    /// <summary>Slots an evaluation has to have.</summary>
    public int Slots { get; private set; }

    /// <exception cref="ExpressionException">An unknown function, or a wrong number of arguments.</exception>
    public Code Compile(Expression expression) => expression switch
    {
        NullLiteral => new ConstantCode(expression.At, Value.Null),
        BooleanLiteral literal => new ConstantCode(literal.At, Value.Of(literal.Value)),
        IntegerLiteral literal => new ConstantCode(literal.At, Value.Of(literal.Value)),
        NumberLiteral literal => new ConstantCode(literal.At, Value.Of(literal.Value)),
        TextLiteral literal => new ConstantCode(literal.At, Value.Of(literal.Value)),
        TemplateLiteral template => new TextCode(template.At, All(template.Parts), template.Parts),
        ListLiteral list => new ListCode(list.At, All(list.Items)),
        ObjectLiteral literal => new ObjectCode(literal.At, [.. literal.Entries.Select(Entry)]),
        Spread spread => new SpreadCode(spread.At, Compile(spread.Operand)),
        Name name => NameOrLocal(name),
        Member member => new MemberCode(member.At, Compile(member.Target), member.Property, member.Optional, member.Target),
        Element element => new ElementCode(element.At, Compile(element.Target), Compile(element.Key), element.Optional, element.Target),
        OptionalChain chain => new OptionalChainCode(chain.At, Compile(chain.Chain)),
        Call call => FunctionCall(call),
        Unary { Operator: "!" } unary => new NotCode(unary.At, Compile(unary.Operand)),
        Unary unary => new SignCode(unary.At, Compile(unary.Operand), unary.Operator == "-"),
        Binary binary => new BinaryCode(binary.At, Operators.Of(binary.Operator), Compile(binary.Left), Compile(binary.Right)),
        Logical { Operator: "&&" } and => new AndCode(and.At, Compile(and.Left), Compile(and.Right)),
        Logical { Operator: "||" } or => new OrCode(or.At, Compile(or.Left), Compile(or.Right)),
        Logical logical => new DefaultCode(logical.At, Compile(logical.Left), Compile(logical.Right)),
        Conditional choice => new ConditionalCode(choice.At, Compile(choice.Test), Compile(choice.Then), Compile(choice.Else)),
        _ => throw new ExpressionException("an arrow function belongs in the arguments of a function", expression.At),
    };

    private Code[] All(IReadOnlyList<Expression> expressions) => [.. expressions.Select(Compile)];

    private (Code? Key, Code Value) Entry(Expression entry) => entry is ObjectEntry { Key: var key, Value: var value }
        ? (Compile(key), Compile(value))
        : (null, Compile(((Spread)entry).Operand));

    private Code NameOrLocal(Name name)
    {
        for (var i = _arrows.Count - 1; i >= 0; i--)
        {
            if (_arrows[i].TryGetValue(name.Text, out var slot))
                return new LocalCode(name.At, slot);
        }
        return new NameCode(name.At, name.Text);
    }

    private CallCode FunctionCall(Call call)
    {
        var function = FunctionTable.Find(call.Function)
            ?? throw new ExpressionException($"there is no function '{call.Function}'.{NearestName.Question(call.Function, FunctionTable.Names)}", call.At);

        if (function.Signature.Complaint(call) is { } complaint)
            throw new ExpressionException(complaint, call.At);

        var arguments = new Code[call.Arguments.Count];
        var lambdas = new LambdaCode?[arguments.Length];
        for (var i = 0; i < arguments.Length; i++)
        {
            arguments[i] = call.Arguments[i] is Arrow arrow ? lambdas[i] = Lambda(arrow) : Compile(call.Arguments[i]);
        }
        return new CallCode(call.At, function, arguments, lambdas, call.Optional);
    }

    private LambdaCode Lambda(Arrow arrow)
    {
        var names = new Dictionary<string, int>(StringComparer.Ordinal);
        var parameters = arrow.Parameters.Select(parameter =>
        {
            var slots = new int[parameter.Names.Count];
            for (var i = 0; i < slots.Length; i++)
                names[parameter.Names[i]] = slots[i] = Slots++;
            return new LambdaParameter(parameter.Shape, parameter.Names, slots);
        }).ToArray();
        _arrows.Add(names);
        var body = Compile(arrow.Body);
        _arrows.RemoveAt(_arrows.Count - 1);
        return new LambdaCode(arrow.At, parameters, body);
    }
}
