using Flows.Engine.Pieces;

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

    [Theory]
    [InlineData("""{ "template": ["x{b}", "x{b}"], "values": { "b": "VALUE" } }""")]
    [InlineData("""{ "template": ["{b}", "{b}"], "values": { "b": "VALUE" } }""")]
    public async Task Texts_that_grow_together_over_what_a_step_may_give_are_not_made(string input)
    {
        var error = await Assert.ThrowsAsync<PieceException>(() => DoneAction.OfAsync("data.template", input.Replace("VALUE", new string('y', 15 << 20), StringComparison.Ordinal)));
        Assert.Equal(("limit", "the texts have more than 26214400 characters together (limit: Flows__Limits__PayloadMiB)."), (error.Code, error.Message));
    }

    [Theory]
    [InlineData("data.merge", """{ "objects": [{ "a": 1, "b": 1 }, null, { "b": { "c": 2 } }] }""", """{"a":1,"b":{"c":2}}""")]
    [InlineData("data.merge", """{ "objects": [] }""", "{}")]
    [InlineData("data.pick", """{ "from": { "a": 1, "b": null, "c": 3 }, "names": ["c", "b", "x"] }""", """{"c":3,"b":null}""")]
    [InlineData("data.pick", """{ "from": [{ "a": 1, "b": 2 }, { "b": 3 }], "names": ["a"] }""", """[{"a":1},{}]""")]
    public Task Objects_are_joined_and_cut_down(string action, string input, string output) => DoneAction.GivesAsync(action, input, output);

    [Fact]
    public Task Only_objects_have_properties_to_pick() =>
        DoneAction.RefusesAsync("data.pick", """{ "from": [{}, 1], "names": ["a"] }""", "'from[1]' must be an object.");

    [Fact]
    public Task A_value_that_the_template_asks_for_and_is_not_there_is_named() =>
        DoneAction.RefusesAsync("data.template", """{ "template": { "x": "{none}" }, "values": {} }""", "'values' has no 'none', which 'template' asks for.");
}
