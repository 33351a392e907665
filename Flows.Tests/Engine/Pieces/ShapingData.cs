namespace Flows.Tests.Engine.Pieces;

public sealed class ShapingData
{
    private const string Order = """{ "id": 7, "customer": { "name": "Ada" }, "lines": [ { "sku": "A" } ] }""";

    [Theory]
    [InlineData($$"""{ "from": {{Order}}, "fields": { "number": "id", "who": "customer.name", "first": "lines[0].sku", "none": "customer.age" } }""", """{"number":7,"who":"Ada","first":"A","none":null}""")]
    [InlineData("""{ "from": [{ "a": 1 }, { "a": 2 }], "fields": { "b": "a" } }""", """[{"b":1},{"b":2}]""")]
    [InlineData("""{ "from": [], "fields": { "b": "a" } }""", "[]")]
    public Task Fields_get_new_names(string input, string output) => DoneAction.GivesAsync("data.map", input, output);

    [Theory]
    [InlineData("""{ "from": 7, "fields": {} }""", "'from' must be an object.")]
    [InlineData("""{ "from": [{}, 7], "fields": {} }""", "'from[1]' must be an object.")]
    [InlineData("""{ "from": {}, "fields": { "b": 1 } }""", "'fields.b' must be a path such as address.city.")]
    [InlineData("""{ "from": {}, "fields": { "b": "a.c" }, "missing": "fail" }""", "'from' has nothing at 'a.c'.")]
    public Task What_cannot_be_mapped_is_named(string input, string message) => DoneAction.RefusesAsync("data.map", input, message);

    [Theory]
    [InlineData($$"""{ "template": { "hello": "Dear {customer.name}", "id": "{id}", "all": ["{lines}", 1, null] }, "values": {{Order}} }""", """{"hello":"Dear Ada","id":7,"all":[[{"sku":"A"}],1,null]}""")]
    [InlineData("""{ "template": "{a}-{b}", "values": { "a": "{b}" }, "missing": "keep" }""", "\"{b}-{b}\"")]
    [InlineData("""{ "template": ["{b}"], "values": { "a": 1 }, "missing": "empty" }""", "[\"\"]")]
    public Task A_template_of_any_shape_is_filled(string input, string output) => DoneAction.GivesAsync("data.template", input, output);

    [Fact]
    public Task A_value_that_the_template_asks_for_and_is_not_there_is_named() =>
        DoneAction.RefusesAsync("data.template", """{ "template": { "x": "{none}" }, "values": {} }""", "'values' has no 'none', which 'template' asks for.");
}
