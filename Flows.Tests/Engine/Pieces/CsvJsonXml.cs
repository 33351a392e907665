using System.Text.Json;
using Flows.Engine.Pieces;

namespace Flows.Tests.Engine.Pieces;

public sealed class CsvJsonXml
{
    [Theory]
    [InlineData("""{ "text": "id,name\r\n1,Ada\r\n2,Bob\r\n" }""", """[{ "id": "1", "name": "Ada" }, { "id": "2", "name": "Bob" }]""")]
    [InlineData("""{ "text": "\uFEFFid\n1" }""", """[{ "id": "1" }]""")]
    [InlineData("""{ "text": "a\n\"x, \"\"y\"\"\r\nz\"" }""", """[{ "a": "x, \"y\"\r\nz" }]""")]
    [InlineData("""{ "text": "a;b\n1,5;2", "delimiter": ";" }""", """[{ "a": "1,5", "b": "2" }]""")]
    [InlineData("""{ "text": "a\tb\n1\t", "delimiter": "\\t" }""", """[{ "a": "1", "b": "" }]""")]
    [InlineData("""{ "text": "1,2\n\n3,4", "header": false }""", """[["1", "2"], ["3", "4"]]""")]
    [InlineData("""{ "text": "1,2", "header": false, "columns": ["x", "y"] }""", """[{ "x": "1", "y": "2" }]""")]
    [InlineData("""{ "text": "a,a\n1,2", "columns": ["x", "y"] }""", """[{ "x": "1", "y": "2" }]""")]
    [InlineData("""{ "text": "a,,c\n1,2,3" }""", """[{ "a": "1", "column2": "2", "c": "3" }]""")]
    [InlineData("""{ "text": "a,b\n1\n1,2,3", "lengths": "fit" }""", """[{ "a": "1", "b": "" }, { "a": "1", "b": "2" }]""")]
    [InlineData("""{ "text": "a,b\n 1 , \" x \" ", "trimCells": true }""", """[{ "a": "1", "b": " x " }]""")]
    [InlineData("""{ "text": "a,b,c,d,e,f\n12.5,007,-3,+49,1.2.3,0.50", "readNumbers": true }""", """[{ "a": 12.5, "b": "007", "c": -3, "d": "+49", "e": "1.2.3", "f": 0.5 }]""")]
    [InlineData("""{ "text": "a\n'it''s'", "quote": "'" }""", """[{ "a": "it's" }]""")]
    [InlineData("""{ "text": "a\rb\rc" }""", """[{ "a": "b" }, { "a": "c" }]""")]
    [InlineData("""{ "text": "a,b\n5\" pipe,x" }""", """[{ "a": "5\" pipe", "b": "x" }]""")]
    [InlineData("""{ "text": "" }""", "[]")]
    public async Task Csv_is_read(string input, string rows)
    {
        var output = (await DoneAction.OfAsync("csv.parse", input)).ToElement();
        using var expected = JsonDocument.Parse(rows);
        Assert.True(JsonElement.DeepEquals(expected.RootElement, output.GetProperty("rows")), output.GetRawText());
        Assert.Equal(expected.RootElement.GetArrayLength(), output.GetProperty("count").GetInt32());
    }

    [Theory]
    [InlineData("""{ "rows": [{ "a": 1, "b": "x,y" }, { "b": "q\"", "c": null }] }""", "a,b,c\r\n1,\"x,y\",\r\n,\"q\"\"\",\r\n")]
    [InlineData("""{ "rows": [[1, "a\nb"], [true, { "k": 1 }]], "lineEnd": "lf" }""", "1,\"a\nb\"\ntrue,\"{\"\"k\"\":1}\"\n")]
    [InlineData("""{ "rows": [{ "a": 1, "b": 2 }], "columns": ["b"], "header": false, "delimiter": ";", "lineEnd": "lf" }""", "2\n")]
    [InlineData("""{ "rows": [["=1+1", "-2", -2]], "safeForSpreadsheets": true, "lineEnd": "lf" }""", "'=1+1,'-2,-2\n")]
    [InlineData("""{ "rows": [[" a", ""]], "quoteAll": true, "lineEnd": "lf" }""", "\" a\",\"\"\n")]
    [InlineData("""{ "rows": [[""], [" a"]], "lineEnd": "lf" }""", "\"\"\n\" a\"\n")]
    [InlineData("""{ "rows": [] }""", "")]
    public async Task Csv_is_written(string input, string text) =>
        Assert.Equal(text, (await DoneAction.OfAsync("csv.write", input)).ToElement().GetString());

    [Theory]
    [InlineData("json.get", """{ "from": { "lines": [{ "sku": "A" }] }, "path": "lines[0].sku" }""", "\"A\"")]
    [InlineData("json.get", """{ "from": [1, 2], "path": "[1]" }""", "2")]
    [InlineData("json.get", """{ "from": { "a": null }, "path": "a", "otherwise": 0, "required": true }""", "0")]
    [InlineData("json.get", """{ "path": "a.b" }""", "null")]
    [InlineData("json.parse", """{ "text": "\uFEFF { \"a\": [9007199254740993, 1e2] } " }""", """{ "a": [9007199254740993, 100] }""")]
    [InlineData("json.stringify", """{ "value": { "a": [1, "é"] } }""", "\"{\\\"a\\\":[1,\\\"é\\\"]}\"")]
    [InlineData("json.stringify", """{ "value": [1], "indent": 2 }""", "\"[\\n  1\\n]\"")]
    [InlineData("json.stringify", "{}", "\"null\"")]
    [InlineData("xml.parse", """{ "text": "<?xml version='1.0'?><o id='7'><l>a</l><l>b</l><n/>t</o>" }""", """{ "o": { "@id": "7", "l": ["a", "b"], "n": "", "#text": "t" } }""")]
    [InlineData("xml.parse", """{ "text": "<o><l>1</l></o>", "lists": ["l"] }""", """{ "o": { "l": ["1"] } }""")]
    [InlineData("xml.parse", """{ "text": "<a xmlns:d='u:x'><d:t d:k='1'>&lt;&#65;<![CDATA[<b>]]></d:t><!-- no --></a>" }""", """{ "a": { "@xmlns:d": "u:x", "d:t": { "@d:k": "1", "#text": "<A<b>" } } }""")]
    [InlineData("xml.parse", """{ "text": "<a xmlns='u:x' xmlns:d='u:y'><d:t>1</d:t></a>", "dropPrefixes": true }""", """{ "a": { "t": "1" } }""")]
    [InlineData("xml.parse", """{ "text": "<a> x </a>", "keepSpace": true }""", """{ "a": " x " }""")]
    [InlineData("xml.write", """{ "value": { "o": { "@id": 7, "@no": null, "l": ["a & b", null], "#text": "t" } }, "declaration": false }""", "\"<o id=\\\"7\\\"><l>a &amp; b</l><l/>t</o>\"")]
    [InlineData("xml.write", """{ "value": { "a": { "@xmlns:d": "u:x", "d:t": "<\n\"" } } }""", "\"<?xml version=\\\"1.0\\\" encoding=\\\"utf-8\\\"?><a xmlns:d=\\\"u:x\\\"><d:t>&lt;&#10;&quot;</d:t></a>\"")]
    [InlineData("xml.write", """{ "value": { "a": { "b": [1, { "c": true }] } }, "declaration": false, "indent": true }""", "\"<a>\\n  <b>1</b>\\n  <b>\\n    <c>true</c>\\n  </b>\\n</a>\"")]
    [InlineData("xml.write", """{ "value": { "a": null }, "declaration": false }""", "\"<a/>\"")]
    public Task Gives(string action, string input, string output) => DoneAction.GivesAsync(action, input, output);

    [Theory]
    [InlineData("csv.parse", """{ "text": "a,b\n1" }""", "'text': line 2 has 1 cells, and 2 are expected.")]
    [InlineData("csv.parse", """{ "text": "a\n\n\"x\ny" }""", "'text': the quote that opens on line 3 is never closed.")]
    [InlineData("csv.parse", """{ "text": "a\n\"x\"y" }""", "'text': on line 2 something follows a closing quote; a quote inside a cell is written twice.")]
    [InlineData("csv.parse", """{ "text": "a,a\n1,2" }""", "'text': the header has the name 'a' twice; give the names with 'columns'.")]
    [InlineData("csv.parse", """{ "text": "a", "delimiter": "::" }""", "'delimiter' must be one character and no line break; found \"::\".")]
    [InlineData("csv.parse", """{ "text": "a", "delimiter": "\"" }""", "'delimiter' and 'quote' must be different.")]
    [InlineData("csv.parse", """{ "text": "a", "columns": [1] }""", "'columns[0]' must be a text; found 1.")]
    [InlineData("csv.write", """{ "rows": [1] }""", "'rows[0]' must be an object or a list; found 1.")]
    [InlineData("json.get", """{ "from": {}, "path": "a.b", "required": true }""", "'from' has nothing at 'a.b'.")]
    [InlineData("json.parse", """{ "text": "{ \"a\": }" }""", "'text': the text is not JSON: something is wrong at 1:8.")]
    [InlineData("json.stringify", """{ "value": 1, "indent": 9 }""", "'indent' must be 0 to 8; found 9.")]
    [InlineData("xml.parse", """{ "text": "<a><b></a>" }""", "'text' is not XML: something is wrong at 1:9.")]
    [InlineData("xml.parse", """{ "text": "" }""", "'text' is not XML: something is wrong at 0:0.")]
    [InlineData("xml.parse", """{ "text": "<a/><b/>" }""", "'text' is not XML: something is wrong at 1:6.")]
    [InlineData("xml.parse", """{ "text": "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>" }""", "'text' has a document type (<!DOCTYPE …>), which is not read.")]
    [InlineData("xml.parse", """{ "text": "<a/>", "lists": [null] }""", "'lists[0]' must be a text; found null.")]
    [InlineData("xml.write", """{ "value": { "a": 1, "b": 2 } }""", "'value' must be an object with one property that is no list, the outermost element; found an object.")]
    [InlineData("xml.write", """{ "value": { "a": { "b c": 1 } } }""", "'value.a.b c': \"b c\" cannot be the name of an element or attribute.")]
    [InlineData("xml.write", """{ "value": { "a": { "b": [[1]] } } }""", "'value.a.b[0]' is a list in a list, which has no name as an element.")]
    [InlineData("xml.write", """{ "value": { "a": { "@k": {} } } }""", "'value.a.@k' must be a text, a number or a boolean; found an object.")]
    [InlineData("xml.write", """{ "value": { "a": "\u0001" } }""", "'value.a' has the character U+0001, which XML cannot hold.")]
    public Task Refuses(string action, string input, string message) => DoneAction.RefusesAsync(action, input, message);

    [Fact]
    public async Task A_prefix_that_nobody_declares_is_refused()
    {
        var error = await Assert.ThrowsAsync<PieceException>(() => DoneAction.OfAsync("xml.write", """{ "value": { "d:a": 1 } }"""));
        Assert.StartsWith("'value' gives no sound XML: 'd' is an undeclared prefix", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Xml_that_nests_for_ever_is_refused()
    {
        var text = string.Concat(Enumerable.Repeat("<a>", 100_000));
        var error = await Assert.ThrowsAsync<PieceException>(() => DoneAction.OfAsync("xml.parse", $$"""{ "text": "{{text}}" }"""));
        Assert.Equal("limit", error.Code);
    }

    [Fact]
    public async Task What_is_written_is_read_back_the_same()
    {
        const string rows = """[{ "a": "x;\"y\"", "b": " \r\n" }, { "a": "", "b": "é,\n" }]""";
        var csv = await DoneAction.OfAsync("csv.write", $$"""{ "rows": {{rows}} }""");
        var back = await DoneAction.OfAsync("csv.parse", $$"""{ "text": {{csv}} }""");
        using var expected = JsonDocument.Parse(rows);
        Assert.True(JsonElement.DeepEquals(expected.RootElement, back.ToElement().GetProperty("rows")), back.ToString());

        const string document = """{ "o": { "@id": "a\n\"b\"", "l": ["<x>", "&amp;"], "#text": "t\r" } }""";
        var xml = await DoneAction.OfAsync("xml.write", $$"""{ "value": {{document}} }""");
        await DoneAction.GivesAsync("xml.parse", $$"""{ "text": {{xml}}, "keepSpace": true }""", document);
    }
}
