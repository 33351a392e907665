namespace Flows.Tests.Language;

public sealed class PathAndTextTests
{
    [Theory]
    [InlineData("{{ trigger.body.lines[0].sku }}", "\"A-7\"")]
    [InlineData("{{trigger.body.address['zip code']}}", "\"89073\"")]
    [InlineData("{{ trigger['body'][\"id\"] }}", "42")]
    [InlineData("{{ trigger.nope }}", "null")]
    [InlineData("{{ trigger.body.lines[9] }}", "null")]
    [InlineData("{{ 'abc'[1] }}", "\"b\"")]
    [InlineData("{{ { 1: 'x' }[1] }}", "\"x\"")]
    [InlineData("{{ trigger.body.lines.length + trigger.body.note.length }}", "7")]
    [InlineData("{{ trigger.nope?.x.y.z }}", "null")]
    [InlineData("{{ trigger.nope?.[0]?.x }}", "null")]
    [InlineData("{{ trigger.nope?.trim().length }}", "null")]
    [InlineData("{{ trigger.body.none?.upper() ?? 'nothing' }}", "\"nothing\"")]
    [InlineData("{{ (trigger.nope?.x) === null }}", "true")]
    [InlineData("{{ true?.5:1 }}", "0.5")]
    // whole token: the value keeps its type; in text it becomes text
    [InlineData("{{trigger.body.lines[1]}}", "{\"sku\":\"B-1\",\"qty\":1,\"price\":5.5}")]
    [InlineData("{{trigger.body.vip}}", "true")]
    [InlineData("Order {{ trigger.body.id }} is late", "\"Order 42 is late\"")]
    [InlineData("{{trigger.body.id}}{{trigger.body.vip}}", "\"42true\"")]
    [InlineData(" {{trigger.body.id}}", "\" 42\"")]
    [InlineData("n={{ trigger.body.price }} l={{ trigger.body.tags }}", "\"n=12.5 l=[\\\"new\\\",\\\"eu\\\"]\"")]
    [InlineData("{{ trigger.body.none ?? '' }}.", "\".\"")]
    [InlineData("no token } here {", "\"no token } here {\"")]
    [InlineData("", "\"\"")]
    [InlineData("{{ '{{' }} and {{ '}}' }}", "\"{{ and }}\"")]
    [InlineData("{{ {a: {b: 1}}}}", "{\"a\":{\"b\":1}}")]
    [InlineData("{{ `${trigger.body.id}: ${`in ${trigger.body.note}`}` }}", "\"42: in rush\"")]
    // literals
    [InlineData("{{ { ...trigger.body.address, zip: 1, ['x' + 1]: 2, 'y z': 3, ...null } }}", "{\"city\":\"Ulm\",\"zip code\":\"89073\",\"zip\":1,\"x1\":2,\"y z\":3}")]
    [InlineData("{{ [1, ...[2, 3], ...[]] }}", "[1,2,3]")]
    [InlineData("{{ [1, 2, ] }}", "[1,2]")]
    [InlineData("{{ 'tab\\t\\u00e9\\x41\\u{1F600}\\'' }}", "\"tab\\té\\u0041😀'\"")]
    // arrow functions
    [InlineData("{{ trigger.body.lines.map(l => l.qty * l.price).sum() }}", "28.5")]
    [InlineData("{{ trigger.body.lines.groupBy('sku').mapValues(ls => ls.sum('qty')) }}", "{\"A-7\":5,\"B-1\":1}")]
    [InlineData("{{ Object.entries({ a: 1, b: 2 }).map(([k, v]) => `${k}=${v}`).join('&') }}", "\"a=1&b=2\"")]
    [InlineData("{{ trigger.body.lines.map(({ sku, qty }) => ({ sku, double: qty * 2 })).at(-1) }}", "{\"sku\":\"A-7\",\"double\":6}")]
    [InlineData("{{ [1, 2].map(x => [10, 20].map(y => x + y)) }}", "[[11,21],[12,22]]")]
    [InlineData("{{ [1, 2].map(trigger => trigger) }}", "[1,2]")]
    [InlineData("{{ Math.max(...[1, 5, 3], 4) }}", "5")]
    [InlineData("{{ JSON.parse(JSON.stringify({ a: 1 })).a }}", "1")]
    public void Gives(string template, string json) =>
        Assert.Equal(Canonical(json), Canonical(Expressions.Json(template)));

    [Theory]
    [InlineData("{{ tigger.body }}", "1:4: there is no 'tigger' here. Did you mean 'trigger'?")]
    [InlineData("{{ nothing_like_it }}", "1:4: there is no 'nothing_like_it' here.")]
    [InlineData("{{ trigger.nope.x }}", "1:17: trigger.nope is null, so .x cannot be read; write ?.x where it may be missing. What there is: body.")]
    [InlineData("{{ trigger.body.adress.city }}", "1:24: trigger.body.adress is null, so .city cannot be read; write ?.city where it may be missing. Did you mean 'address'?")]
    [InlineData("{{ trigger.body.lines[7].sku }}", "1:26: trigger.body.lines[7] is null, so .sku cannot be read; write ?.sku where it may be missing.")]
    [InlineData("{{ trigger.body.none[0] }}", "1:21: trigger.body.none is null, so […] cannot be read; write ?.[…] where it may be missing.")]
    [InlineData("{{ trigger.body.lines.sku }}", "1:23: trigger.body.lines is a list of 3, which has no property 'sku'; take one item with [0], or map(item => item.sku) for all")]
    [InlineData("{{ trigger.body.id.x }}", "1:20: trigger.body.id is the number 42, which has no property 'x'")]
    [InlineData("{{ trigger.body.id[0] }}", "1:19: trigger.body.id is the number 42, which has no parts")]
    [InlineData("{{ trigger.body.lines[-1] }}", "1:22: a position counts from 0, found -1; .at(-1) counts from the end")]
    [InlineData("{{ trigger.body.lines['0'] }}", "1:22: a position in a list is a whole number, found the text '0'")]
    [InlineData("{{ trigger[true] }}", "1:11: a key of an object is text, found the boolean true")]
    [InlineData("Dear {{ trigger.body.nme }}", "1:22: trigger.body.nme is null and cannot be put into text; write … ?? '' for an empty text, or another default. What there is: id, big, price, note, vip, none, empty, lines ….")]
    [InlineData("a\nb {{ upper(1) }}", "2:6: upper() expects text as its 1st argument, found the number 1")]
    [InlineData("{{ uper('x') }}", "1:4: there is no function 'uper'. Did you mean 'upper'?")]
    [InlineData("{{ 'x'.uper() }}", "1:8: there is no function 'uper'. Did you mean 'upper'?")]
    [InlineData("{{ Math.flor(1.5) }}", "1:4: there is no function 'Math.flor'. Did you mean 'Math.floor'?")]
    [InlineData("{{ map([1]) }}", "1:4: map() takes 2 arguments, found 1: map(list, item => value)")]
    [InlineData("{{ upper(x => 1) }}", "1:4: upper() takes no arrow function as its 1st argument: upper(text)")]
    [InlineData("{{ [1].map(...[1], x => x) }}", "1:8: map() cannot be given both '...' and an arrow function")]
    [InlineData("{{ upper(...['a', 'b']) }}", "1:4: upper() takes 1 argument, found 2: upper(text)")]
    [InlineData("{{ [...5] }}", "1:5: '...' takes a list apart, found the number 5")]
    [InlineData("{{ {...[1]} }}", "1:8: '...' in an object takes an object apart, found a list of 1")]
    [InlineData("{{ [1].map(([a]) => a) }}", "1:12: the parameter takes a list apart, found the number 1")]
    public void Refuses(string template, string message) => Assert.Equal(message, Expressions.Error(template));

    [Fact]
    public void Strings_at_any_depth_are_templates_and_a_failure_names_its_field()
    {
        Assert.Equal("""{"a":[{"b":"n42"},[true]],"{{k}}":1.5}""", Expressions.Input("""{"a":[{"b":"n{{trigger.body.id}}"},["{{trigger.body.vip}}"]],"{{k}}":1.5}"""));

        var error = Assert.Throws<Flows.Engine.Expressions.ExpressionException>(() => Expressions.Input("""{"body":{"lines":[1,{"sku code":"{{trigger.body.ids.x}}"}]}}"""));
        Assert.Equal("$.body.lines[1]['sku code']", error.Field);
        Assert.Equal("$.body.lines[1]['sku code']:1:20: trigger.body.ids is null, so .x cannot be read; write ?.x where it may be missing. Did you mean 'id'?", error.Message);
    }

    [Fact]
    public void A_message_about_a_connection_shows_no_data()
    {
        var error = Assert.Throws<Flows.Engine.Expressions.ExpressionException>(
            () => Expressions.Input("\"{{ connections.crm.token.x }}\"", """{"connections":{"crm":{"token":"sk-secret"}}}"""));
        Assert.Equal("$:1:26: connections.crm.token is text, which has no property 'x'", error.Message);
    }

    private static string Canonical(string json) => Flows.Engine.Expressions.Value.FromJson(System.Text.Encoding.UTF8.GetBytes(json)).ToRawJson().ToString();
}
