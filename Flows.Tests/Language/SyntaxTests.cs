using Flows.Contracts.Expressions;

namespace Flows.Tests.Language;

public sealed class SyntaxTests
{
    [Theory]
    [InlineData("{{ trigger. }}", "1:12: expected a name after '.'")]
    [InlineData("{{ trigger?. }}", "1:13: expected a name after '?.'")]
    [InlineData("{{}}", "1:3: there is nothing between '{{' and '}}'")]
    [InlineData("{{ 1 + }}", "1:8: expected a value, found '}'")]
    [InlineData("{{ 1 2 }}", "1:6: expected an operator or '}}', found the number 2")]
    [InlineData("{{ a b }}", "1:6: expected an operator or '}}', found 'b'")]
    [InlineData("{{ a }", "1:6: expected an operator or '}}', found '}'")]
    [InlineData("{{ a } }", "1:6: expected an operator or '}}', found '}'")]
    [InlineData("{{ a", "1:5: expected an operator or '}}', found the end")]
    [InlineData("{{", "1:3: expected a value, found the end")]
    [InlineData("x\ny {{ 1 +\n* 2 }}", "3:1: expected a value, found '*'")]
    [InlineData("{{ (1 + 2 }}", "1:11: expected ')' for the '(' at 1:4, found '}'")]
    [InlineData("{{ a[1 }}", "1:8: expected ']' for the '[' at 1:5, found '}'")]
    [InlineData("{{ [1 2] }}", "1:7: expected ',' or ']' for the '[' at 1:4, found the number 2")]
    [InlineData("{{ { a: 1 b: 2 } }}", "1:11: expected ',' or '}' for the '{' at 1:4, found 'b'")]
    [InlineData("{{ { + } }}", "1:6: expected a key or '}' for the '{' at 1:4, found '+'")]
    [InlineData("{{ { true } }}", "1:11: expected ':' and a value for 'true', found '}'")]
    [InlineData("{{ f(1, 2 }}", "1:11: expected ',' or ')' for the '(' at 1:5, found '}'")]
    [InlineData("{{ a ? 1 }}", "1:10: expected ':' for the '?' at 1:6, found '}'")]
    [InlineData("{{ 'abc }}", "1:4: the text that starts here is not closed with a '")]
    [InlineData("{{ `abc${1} }}", "1:4: the template text that starts here is not closed with a `")]
    [InlineData("{{ `a${1 2}` }}", "1:10: expected '}' for the '${' of the template text at 1:4, found the number 2")]
    [InlineData("{{ '\\d' }}", "1:5: '\\d' is not an escape; write '\\\\d' for a backslash and 'd'")]
    [InlineData("{{ '\\u12' }}", "1:5: expected 4 hexadecimal digits in this escape")]
    [InlineData("{{ '\\u{110000}' }}", "1:5: expected a Unicode code point such as \\u{1F600}")]
    [InlineData("{{ 1x }}", "1:4: '1x' is neither a number nor a name")]
    [InlineData("{{ 1e999 }}", "1:4: the number 1e999 is too large")]
    [InlineData("{{ 0x1ffffffffffffffff }}", "1:4: '0x1ffffffffffffffff' is not a hexadecimal number of at most 63 bits")]
    [InlineData("{{ a = 1 }}", "1:6: '=' does not compare; write '==='. Nothing can be assigned in an expression")]
    [InlineData("{{ a & b }}", "1:6: '&' is not an operator here; write '&&' for and")]
    [InlineData("{{ a | upper }}", "1:6: '|' is not an operator here; write '||' for or, and call functions as f(x) or x.f()")]
    [InlineData("{{ a; b }}", "1:5: an expression has no ';': it is one value")]
    [InlineData("{{ a # b }}", "1:6: the character '#' does not belong here")]
    [InlineData("{{ a ^ b }}", "1:6: '^' is not an operator here; '**' raises to a power")]
    [InlineData("{{ a ?? b || c }}", "1:11: put parentheses around one of '||' and '??': they do not mix without")]
    [InlineData("{{ a && b ?? c }}", "1:6: put parentheses around one of '&&' and '??': they do not mix without")]
    [InlineData("{{ -2 ** 2 }}", "1:4: put parentheses around the sign and its number before '**'")]
    [InlineData("{{ x => 1 }}", "1:6: an arrow function belongs in the arguments of a function, as in map(list, x => x.name)")]
    [InlineData("{{ f((a, a) => 1) }}", "1:6: the parameter 'a' is there twice")]
    [InlineData("{{ f(x => { return x }) }}", "1:13: an arrow function is one expression: leave out '{', 'return' and '}'")]
    [InlineData("{{ f(null => 1) }}", "1:6: 'null' cannot be the name of a parameter")]
    [InlineData("{{ new Date() }}", "1:4: 'new' makes nothing here; for a date write date('2026-01-31')")]
    [InlineData("{{ typeof a }}", "1:4: write type(x) instead of typeof x")]
    [InlineData("{{ if (a) b }}", "1:4: 'if' is not part of an expression, which is one value without statements")]
    [InlineData("{{ NaN }}", "1:4: there is no NaN here: a number is always finite")]
    [InlineData("{{ /a+/ }}", "1:4: a pattern is written as a text: match(x, '[a-z]+', 'i')")]
    [InlineData("{{ ...a }}", "1:4: '...' belongs in a list, an object or the arguments of a function")]
    [InlineData("{{ a.b()() }}", "1:9: only a function can be called: f(x), or x.f()")]
    [InlineData("ok {{ a }} but {{ b. }}", "1:21: expected a name after '.'")]
    public void A_mistake_is_named_with_its_place(string text, string message) =>
        Assert.Equal(message, Assert.Throws<ExpressionSyntaxException>(() => TextTemplate.Parse(text)).Message);

    [Theory]
    [InlineData("(", ")")]
    [InlineData("[", "]")]
    [InlineData("-", "")]
    [InlineData("!", "")]
    [InlineData("f(", ")")]
    [InlineData("1 ? 1 : ", "")]
    [InlineData("1 ** ", "")]
    [InlineData("{a: ", "}")]
    [InlineData("`${", "}`")]
    [InlineData("f(x => ", ")")]
    public void Nesting_without_end_is_refused(string open, string close)
    {
        var text = string.Concat(Enumerable.Repeat(open, 3_000)) + "1" + string.Concat(Enumerable.Repeat(close, 3_000));
        Assert.Contains("nested too deeply", Assert.Throws<ExpressionSyntaxException>(() => Parser.Parse(text)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(" + 1")]
    [InlineData(".a")]
    [InlineData("[0]")]
    [InlineData(".f()")]
    [InlineData(" || a")]
    public void A_chain_without_end_is_refused(string link)
    {
        var text = "a" + string.Concat(Enumerable.Repeat(link, 3_000));
        Assert.Contains("nested too deeply", Assert.Throws<ExpressionSyntaxException>(() => Parser.Parse(text)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_expression_has_a_length()
    {
        var text = $"[{string.Join(',', Enumerable.Repeat("1234567", 5_000))}]";
        Assert.Contains("32768 characters", Assert.Throws<ExpressionSyntaxException>(() => Parser.Parse(text)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.b[c.d](1)", "")]
    [InlineData("a.b + f(x => x.y + z)[q]", "a z q")]
    [InlineData("m.map((x, { y }) => x + y + x2).reduce((x, i) => x + i) + x", "m x2 x")]
    [InlineData("{ a, b: c, [d]: e, ...g }", "a c d e g")]
    [InlineData("Math.max(Math, 1)", "Math")]
    public void The_free_names_are_those_that_no_arrow_function_gives(string text, string names)
    {
        if (names.Length == 0)
            Assert.Throws<ExpressionSyntaxException>(() => Parser.Parse(text));
        else
            Assert.Equal(names, string.Join(' ', References.Of(Parser.Parse(text)).Names.Select(name => name.Text)));
    }

    [Theory]
    [InlineData("ordr", "order")]
    [InlineData("oredr", "order")]
    [InlineData("Order", "order")]
    [InlineData("x", null)]
    [InlineData("completely_different", null)]
    public void The_nearest_name_is_suggested(string typed, string? expected) =>
        Assert.Equal(expected, NearestName.Of(typed, ["order", "customer", "a"]));
}
