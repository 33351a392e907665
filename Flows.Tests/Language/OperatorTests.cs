namespace Flows.Tests.Language;

public sealed class OperatorTests
{
    [Theory]
    [InlineData("{{ 1 === 1 }}", "true")]
    [InlineData("{{ trigger.body.lines[0].sku }}", "\"A-7\"")]
    [InlineData("Order {{ trigger.body.id }} is late", "\"Order 42 is late\"")]
    [InlineData("{{ trigger.nope }}", "null")]
    [InlineData("{{ 'e\u0301' == '\u00e9' }}", "false")] // ordinal: two spellings of é are two texts
    [InlineData("{{ trigger.body.lines.map(l => l.qty * l.price) }}", "[20,5.5,3]")]
    public void Evaluates(string template, string expected) => Assert.Equal(expected, Expressions.Json(template));

    [Theory]
    [InlineData("{{ trigger. }}", "1:12: expected a name after '.'")]
    [InlineData("{{ trigger.nope.x }}", "1:17: trigger.nope is null, so .x cannot be read; write ?.x where it may be missing. What there is: body.")]
    public void Rejects(string template, string message) => Assert.Equal(message, Expressions.Error(template));
}
