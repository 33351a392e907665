using CsCheck;
using Flows.Contracts.Expressions;

namespace Flows.Tests.Properties;

/// <summary>
/// The parser against a tree that was there first: it is written with as few parentheses as JavaScript's table of precedence allows, and has to come
/// out of the text as it was.
/// </summary>
public sealed class ReadingAnyExpression
{
    private abstract record Tree;
    private sealed record Leaf(string Text) : Tree;
    private sealed record Sign(string Operator, Tree Operand) : Tree;
    private sealed record Two(string Operator, Tree Left, Tree Right) : Tree;
    private sealed record Choice(Tree Test, Tree Then, Tree Else) : Tree;

    private static readonly string[] s_operators = ["??", "||", "&&", "===", "!==", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "**"];

    private static readonly Gen<Tree> s_tree = Any(5);

    [Fact]
    public void It_comes_out_as_it_was_written() => s_tree.Holds(tree => Assert.Equal(Whole(tree), Whole(Parser.Parse(Written(tree)))), cases: 5_000, print: Written);

    [Fact]
    public void Blanks_make_no_difference() => s_tree.Holds(tree =>
    {
        var text = Written(tree);
        Assert.Equal(Whole(Parser.Parse(text)), Whole(Parser.Parse($" {text.Replace(" ", "\n\t ", StringComparison.Ordinal)} ")));
    }, print: Written);

    [Fact]
    public void Part_of_a_text_is_an_expression_or_the_error_of_one() => Gen.Select(s_tree, Gen.Int[0, 200], Gen.Int[0, 200]).Holds(of =>
    {
        var text = Written(of.Item1);
        var from = Math.Min(of.Item2, text.Length);
        var part = text.Substring(from, Math.Min(of.Item3, text.Length - from));
        try
        {
            Parser.Parse(part);
        }
        catch (ExpressionSyntaxException error)
        {
            Assert.NotEmpty(error.Message);
        }
    }, cases: 5_000);

    private static Gen<Tree> Any(int depth)
    {
        var leaf = Gen.OneOf("a", "trigger", "1", "2.5", "'x'", "true", "null", "x.y", "x?.y", "x[0]", "f(1)", "[1]").Select(text => (Tree)new Leaf(text));
        if (depth == 0)
            return leaf;
        var inner = Any(depth - 1);
        return Gen.Frequency(
            (2, leaf),
            (1, Gen.Select(Gen.OneOf("!", "-", "+"), inner, (op, operand) => (Tree)new Sign(op, operand))),
            (4, Gen.Select(Gen.OneOf(s_operators), inner, inner, (op, left, right) => (Tree)new Two(op, left, right))),
            (1, Gen.Select(inner, inner, inner, (test, then, otherwise) => (Tree)new Choice(test, then, otherwise))));
    }

    // https://developer.mozilla.org/docs/Web/JavaScript/Reference/Operators/Operator_precedence
    private static int Rank(Tree tree) => tree switch
    {
        Choice => 2,
        Two { Operator: "??" or "||" } => 3,
        Two { Operator: "&&" } => 4,
        Two { Operator: "===" or "!==" } => 8,
        Two { Operator: "<" or "<=" or ">" or ">=" } => 9,
        Two { Operator: "+" or "-" } => 11,
        Two { Operator: "*" or "/" or "%" } => 12,
        Two { Operator: "**" } => 13,
        Sign => 14,
        _ => 17,
    };

    private static string Written(Tree tree) => tree switch
    {
        Leaf leaf => leaf.Text,
        Sign sign => $"{sign.Operator} {In(sign.Operand, Rank(sign.Operand) < 14)}",
        Choice choice => $"{In(choice.Test, Rank(choice.Test) <= 2)} ? {Written(choice.Then)} : {Written(choice.Else)}",
        // Of what is written in a row, all is taken from the left but powers; a sign before a power, and ?? beside || or &&, need parentheses.
        Two { Operator: "**" } power => $"{In(power.Left, Rank(power.Left) <= 14)} ** {In(power.Right, Rank(power.Right) < 13)}",
        Two two => $"{In(two.Left, Rank(two.Left) < Rank(two) || Mixes(two, two.Left))} {two.Operator} {In(two.Right, Rank(two.Right) <= Rank(two) || Mixes(two, two.Right))}",
        _ => throw new InvalidOperationException(),
    };

    private static bool Mixes(Two outer, Tree inner) =>
        inner is Two { Operator: "??" or "||" or "&&" } other && other.Operator != outer.Operator && (outer.Operator == "??" || other.Operator == "??");

    private static string In(Tree tree, bool parentheses) => parentheses ? $"({Written(tree)})" : Written(tree);

    private static string Whole(Tree tree) => tree switch
    {
        Leaf leaf => leaf.Text,
        Sign sign => $"({sign.Operator} {Whole(sign.Operand)})",
        Two two => $"({Whole(two.Left)} {two.Operator} {Whole(two.Right)})",
        Choice choice => $"({Whole(choice.Test)} ? {Whole(choice.Then)} : {Whole(choice.Else)})",
        _ => throw new InvalidOperationException(),
    };

    private static string Whole(Expression expression) => expression switch
    {
        Unary unary => $"({unary.Operator} {Whole(unary.Operand)})",
        Binary binary => $"({Whole(binary.Left)} {binary.Operator} {Whole(binary.Right)})",
        Logical logical => $"({Whole(logical.Left)} {logical.Operator} {Whole(logical.Right)})",
        Conditional conditional => $"({Whole(conditional.Test)} ? {Whole(conditional.Then)} : {Whole(conditional.Else)})",
        NullLiteral => "null",
        BooleanLiteral boolean => boolean.Value ? "true" : "false",
        IntegerLiteral integer => $"{integer.Value}",
        NumberLiteral number => FormattableString.Invariant($"{number.Value}"),
        TextLiteral text => $"'{text.Value}'",
        Name name => name.Text,
        Member member => $"{Whole(member.Target)}{(member.Optional ? "?." : ".")}{member.Property}",
        Element element => $"{Whole(element.Target)}[{Whole(element.Key)}]",
        OptionalChain chain => Whole(chain.Chain),
        Call call => $"{call.Function}({string.Join(", ", call.Arguments.Select(Whole))})",
        ListLiteral list => $"[{string.Join(", ", list.Items.Select(Whole))}]",
        _ => throw new InvalidOperationException(expression.GetType().Name),
    };
}
