namespace Flows.Tests.Engine.Pieces;

public sealed class TextAndMath
{
    [Theory]
    [InlineData("text.change_case", """{ "text": "order total", "case": "upper" }""", "\"ORDER TOTAL\"")]
    [InlineData("text.change_case", """{ "text": "Order Total" }""", "\"order total\"")]
    [InlineData("text.change_case", """{ "text": "order total", "case": "capitalize" }""", "\"Order total\"")]
    [InlineData("text.change_case", """{ "text": "order total", "case": "title" }""", "\"Order Total\"")]
    [InlineData("text.change_case", """{ "text": "Order total", "case": "camel" }""", "\"orderTotal\"")]
    [InlineData("text.change_case", """{ "text": "orderTotal", "case": "snake" }""", "\"order_total\"")]
    [InlineData("text.change_case", """{ "text": "", "case": "kebab" }""", "\"\"")]
    [InlineData("text.encode", """{ "text": "grün" }""", "\"Z3LDvG4=\"")]
    [InlineData("text.encode", """{ "text": "a b&c", "form": "url" }""", "\"a%20b%26c\"")]
    [InlineData("text.encode", """{ "text": "<b>", "form": "html" }""", "\"&lt;b&gt;\"")]
    [InlineData("text.decode", """{ "text": "Z3LDvG4=" }""", "\"grün\"")]
    [InlineData("text.decode", """{ "text": "6772c3bc6e", "form": "hex" }""", "\"grün\"")]
    [InlineData("text.extract_pattern", """{ "text": "order 42, order 43", "pattern": "order (?<id>\\d+)" }""",
        """{ "found": true, "match": "order 42", "groups": ["42"], "named": { "id": "42" }, "all": ["order 42", "order 43"] }""")]
    [InlineData("text.extract_pattern", """{ "text": "A\nB", "pattern": "^b", "flags": "im" }""", """{ "found": true, "match": "B", "groups": [], "named": {}, "all": ["B"] }""")]
    [InlineData("text.replace", """{ "text": "Aa", "search": "A", "replacement": "x", "mode": "pattern", "flags": "i" }""", "\"xx\"")]
    [InlineData("text.split", """{ "text": "one, two", "by": "words" }""", """["one", "two"]""")]
    [InlineData("text.truncate", """{ "text": "abcdef", "length": 4, "ending": ".." }""", "\"ab..\"")]
    [InlineData("math.calculate", """{ "a": 7, "operation": "subtract", "b": 2.5 }""", "4.5")]
    [InlineData("math.calculate", """{ "a": 3037000500, "operation": "multiply", "b": 3 }""", "9111001500")]
    [InlineData("math.round", """{ "number": -1.999, "digits": 2, "mode": "zero" }""", "-1.99")]
    [InlineData("text.extract_pattern", """{ "text": "none", "pattern": "\\d" }""", """{ "found": false, "match": null, "groups": [], "named": {}, "all": [] }""")]
    [InlineData("text.join", """{ "items": ["a", 1, null, "", true] }""", "\"a, 1, true\"")]
    [InlineData("text.join", """{ "items": ["a", "", "b"], "separator": "", "leaveOutEmpty": false }""", "\"ab\"")]
    [InlineData("text.replace", """{ "text": "a.b.c", "search": ".", "replacement": "$1" }""", "\"a$1b$1c\"")]
    [InlineData("text.replace", """{ "text": "a.b.c", "search": ".", "mode": "first" }""", "\"ab.c\"")]
    [InlineData("text.replace", """{ "text": "Ada Byron", "search": "(\\w+) (\\w+)", "replacement": "$2, $1", "mode": "pattern" }""", "\"Byron, Ada\"")]
    [InlineData("text.slugify", """{ "text": "  Größe & Länge! " }""", "\"grosse-lange\"")]
    [InlineData("text.split", """{ "text": "a, b,,c" }""", """["a", "b", "", "c"]""")]
    [InlineData("text.split", """{ "text": "a, b,,c", "leaveOutEmpty": true, "trimParts": false }""", """["a", " b", "c"]""")]
    [InlineData("text.split", """{ "text": "a\r\nb\n", "by": "lines", "leaveOutEmpty": true }""", """["a", "b"]""")]
    [InlineData("text.split", """{ "text": "a1b22c", "by": "pattern", "separator": "\\d+" }""", """["a", "b", "c"]""")]
    [InlineData("text.template", """{ "template": "Dear {name}, {address.city} {lines.1}", "values": { "name": "{x}", "address": { "city": "Bonn" }, "lines": [1, 2] } }""", "\"Dear {x}, Bonn 2\"")]
    [InlineData("text.template", """{ "template": "{a} { b } {c", "values": {}, "missing": "keep" }""", "\"{a} { b } {c\"")]
    [InlineData("text.template", """{ "template": "[{a}]", "values": { "a": null }, "missing": "empty" }""", "\"[]\"")]
    [InlineData("text.trim", """{ "text": "  a \n b  " }""", "\"a \\n b\"")]
    [InlineData("text.trim", """{ "text": "  a \n b  ", "side": "end", "collapse": true }""", "\" a b\"")]
    [InlineData("text.truncate", """{ "text": "abcdef", "length": 4 }""", "\"abc…\"")]
    [InlineData("text.truncate", """{ "text": "abc", "length": 4 }""", "\"abc\"")]
    [InlineData("math.calculate", """{ "a": 9007199254740993, "operation": "add", "b": 2 }""", "9007199254740995")]
    [InlineData("math.calculate", """{ "a": 7, "operation": "divide", "b": 2 }""", "3.5")]
    [InlineData("math.calculate", """{ "a": -7, "operation": "remainder", "b": 2 }""", "-1")]
    [InlineData("math.calculate", """{ "a": 2, "operation": "power", "b": 10 }""", "1024")]
    [InlineData("math.round", """{ "number": 1.005, "digits": 2 }""", "1.01")]
    [InlineData("math.round", """{ "number": 2.5, "mode": "even" }""", "2")]
    [InlineData("math.round", """{ "number": -2.5 }""", "-3")]
    [InlineData("math.round", """{ "number": 1.001, "digits": 2, "mode": "up" }""", "1.01")]
    [InlineData("math.round", """{ "number": -1.001, "digits": 2, "mode": "down" }""", "-1.01")]
    [InlineData("math.round", """{ "number": 1e300 }""", "1e300")]
    [InlineData("math.statistics", """{ "items": [2, 4, 4, 4, 5, 5, 7, 9] }""", """{ "count": 8, "sum": 40, "average": 5, "median": 4.5, "least": 2, "most": 9, "deviation": 2 }""")]
    [InlineData("math.statistics", """{ "items": [{ "o": { "p": 1 } }, { "o": { "p": 3 } }], "by": "o.p" }""", """{ "count": 2, "sum": 4, "average": 2, "median": 2, "least": 1, "most": 3, "deviation": 1 }""")]
    [InlineData("math.statistics", """{ "items": [] }""", """{ "count": 0, "sum": 0, "average": null, "median": null, "least": null, "most": null, "deviation": null }""")]
    public Task Gives(string action, string input, string output) => DoneAction.GivesAsync(action, input, output);

    [Theory]
    [InlineData("text.change_case", """{ "text": "a", "case": "loud" }""", "'case' must be one of upper, lower, capitalize, title, camel, snake, kebab; found the text \"loud\".")]
    [InlineData("text.decode", """{ "text": "?" }""", "'text': the text '?' is not base64.")]
    [InlineData("text.extract_pattern", """{ "text": "a", "pattern": "(" }""", "'pattern': '(' is not a pattern: insufficient closing parentheses at its character 1.")]
    [InlineData("text.replace", """{ "text": "a", "search": "" }""", "'search' must not be empty.")]
    [InlineData("text.split", """{ "text": "a", "separator": "" }""", "'separator' must not be empty.")]
    [InlineData("text.template", """{ "template": "{name}", "values": {} }""", "'values' has no 'name', which 'template' asks for.")]
    [InlineData("text.truncate", """{ "text": "abc", "length": -1 }""", "'length' must be 0 or more.")]
    [InlineData("math.calculate", """{ "a": 1, "operation": "divide", "b": 0 }""", "'b': division by zero.")]
    [InlineData("math.calculate", """{ "a": "1", "b": 0 }""", "'a' must be a number; found the text \"1\".")]
    [InlineData("math.random", """{ "least": 5, "most": 1 }""", "'least' is 5 and above 'most', 1.")]
    [InlineData("math.random", """{ "least": 1, "most": 2, "count": 1000000 }""", "'count' must be 0 to 100000; found 1000000.")]
    [InlineData("math.random", """{ "least": 0.5, "most": 2 }""", "'least' and 'most' must be whole numbers when 'kind' is integer.")]
    [InlineData("math.round", """{ "number": 1, "digits": 16 }""", "'digits' must be 0 to 15; found 16.")]
    [InlineData("math.statistics", """{ "items": [1, "2"] }""", "'items': the items have to be numbers; found the text '2' at position 1; number(x) makes a number of text.")]
    public Task Refuses(string action, string input, string message) => DoneAction.RefusesAsync(action, input, message);

    [Theory]
    [InlineData("<p>One<br>two</p><p>three</p>", "One\ntwo\n\nthree")]
    [InlineData("<ul><li>a</li><li>b &amp; c</li></ul>", "- a\n- b & c")]
    [InlineData("a <b>bold</b>  word", "a bold word")]
    [InlineData("<style>p { }</style><script>if (a < b) alert('</p>')</script>x", "x")]
    [InlineData("<a title='a > b'>x</a><!-- <p>no</p> -->y", "xy")]
    [InlineData("1 < 2 and 3 > 2", "1 < 2 and 3 > 2")]
    [InlineData("<tr><td>a</td><td>b</td></tr><tr><td>c</td></tr>", "a b\nc")]
    [InlineData("<pre>a\nb</pre>", "a\nb")]
    [InlineData("<p", "")]
    [InlineData("<script>never ends", "")]
    [InlineData("", "")]
    public async Task Html_becomes_text(string html, string text)
    {
        var found = await DoneAction.OfAsync("text.html_to_text", $$"""{ "text": {{System.Text.Json.JsonSerializer.Serialize(html)}} }""");
        Assert.Equal(text, found.ToElement().GetString());
    }

    [Theory]
    [InlineData("<")]
    [InlineData("<a \"")]
    [InlineData("<!--")]
    [InlineData("<script>")]
    [InlineData("</")]
    public async Task Broken_html_is_read_in_one_pass(string part)
    {
        var html = string.Concat(Enumerable.Repeat(part, 200_000));
        await DoneAction.OfAsync("text.html_to_text", $$"""{ "text": {{System.Text.Json.JsonSerializer.Serialize(html)}} }""");
    }

    [Fact]
    public async Task A_pattern_that_goes_back_for_ever_is_stopped()
    {
        var error = await Assert.ThrowsAsync<Flows.Engine.Pieces.PieceException>(() =>
            DoneAction.OfAsync("text.extract_pattern", $$"""{ "text": "{{new string('a', 5000)}}", "pattern": "(?=(a+)+b)(a+)+b" }"""));
        Assert.Equal("limit", error.Code);
        Assert.Contains("(limit: pattern time)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Random_numbers_follow_from_the_run_and_the_step()
    {
        const string input = """{ "least": 1, "most": 1000000, "count": 5 }""";
        var first = await DoneAction.OfAsync("math.random", input);
        Assert.Equal(first, await DoneAction.OfAsync("math.random", input));
        Assert.NotEqual(first, await DoneAction.OfAsync("math.random", input, key: "run:other"));
        Assert.All(first.ToElement().EnumerateArray(), number => Assert.InRange(number.GetInt32(), 1, 1_000_000));
        var one = await DoneAction.OfAsync("math.random", """{ "least": -1, "most": 1, "kind": "decimal" }""");
        Assert.InRange(one.ToElement().GetDouble(), -1, 1);
    }
}
