using System.Text.Json;
using Flows.Engine.Pieces;

namespace Flows.Tests.Engine.Pieces;

public sealed class ListAndDate
{
    private const string Orders = """[{ "id": 1, "city": "Bonn", "sum": { "net": 10 } }, { "id": 2, "city": "Ulm", "sum": { "net": 5.5 } }, { "id": 3, "city": "Bonn" }]""";

    [Theory]
    [InlineData("list.aggregate", $$"""{ "items": {{Orders}} }""", "3")]
    [InlineData("list.aggregate", $$"""{ "items": {{Orders}}, "operation": "sum", "by": "sum.net" }""", "15.5")]
    [InlineData("list.aggregate", $$"""{ "items": {{Orders}}, "operation": "sum", "by": "sum.net", "groupBy": "city" }""", """[{ "key": "Bonn", "value": 10 }, { "key": "Ulm", "value": 5.5 }]""")]
    [InlineData("list.aggregate", """{ "items": [3, null, 1], "operation": "count" }""", "2")]
    [InlineData("list.aggregate", """{ "items": [], "operation": "average" }""", "null")]
    [InlineData("list.aggregate", """{ "items": ["b", "a"], "operation": "min" }""", "\"a\"")]
    [InlineData("list.aggregate", """{ "items": [3, 2, 1], "operation": "last" }""", "1")]
    [InlineData("list.chunk", """{ "items": [1, 2, 3], "size": 2 }""", "[[1, 2], [3]]")]
    [InlineData("list.chunk", """{ "items": [], "size": 2 }""", "[]")]
    [InlineData("list.filter", $$"""{ "items": {{Orders}}, "by": "sum.net" }""", """[{ "id": 1, "city": "Bonn", "sum": { "net": 10 } }, { "id": 2, "city": "Ulm", "sum": { "net": 5.5 } }]""")]
    [InlineData("list.filter", """{ "items": [{ "n": 1 }, { "n": 5 }], "by": "n", "operator": "number_greater_than", "value": "2" }""", """[{ "n": 5 }]""")]
    [InlineData("list.filter", """{ "items": ["Ada", "Bob"], "operator": "text_starts_with", "value": "a", "exclude": true }""", """["Bob"]""")]
    [InlineData("list.filter", """{ "items": ["Ada", "Bob"], "operator": "text_starts_with", "value": "a", "caseSensitive": true }""", "[]")]
    [InlineData("list.flatten", """{ "items": [1, [2, [3]]] }""", "[1, 2, [3]]")]
    [InlineData("list.flatten", """{ "items": [1, [2, [3]]], "depth": 2 }""", "[1, 2, 3]")]
    [InlineData("list.group_by", """{ "items": [{ "c": "x", "n": 1 }, { "n": 2 }, { "c": "x", "n": 3 }], "by": "c" }""",
        """[{ "key": "x", "items": [{ "c": "x", "n": 1 }, { "c": "x", "n": 3 }] }, { "key": null, "items": [{ "n": 2 }] }]""")]
    [InlineData("list.sort_by", """{ "items": [3, null, 1, 2] }""", "[1, 2, 3, null]")]
    [InlineData("list.sort_by", """{ "items": [{ "k": "a", "n": 1 }, { "k": "b", "n": 2 }, { "k": "a", "n": 3 }], "by": "k", "direction": "desc" }""",
        """[{ "k": "b", "n": 2 }, { "k": "a", "n": 1 }, { "k": "a", "n": 3 }]""")]
    [InlineData("list.sort_by", """{ "items": [] }""", "[]")]
    [InlineData("list.unique_by", """{ "items": [{ "e": "a", "n": 1 }, { "e": "a", "n": 2 }, { "e": "b" }], "by": "e" }""", """[{ "e": "a", "n": 1 }, { "e": "b" }]""")]
    [InlineData("list.unique_by", """{ "items": [1, 1.0, "1", [1], [1]] }""", """[1, "1", [1]]""")]
    [InlineData("date.add", """{ "date": "2026-01-31", "amount": 1, "unit": "month" }""", "\"2026-02-28T00:00:00Z\"")]
    [InlineData("date.add", """{ "date": "2026-03-28T12:00:00+01:00", "amount": 1, "zone": "Europe/Berlin" }""", "\"2026-03-29T12:00:00+02:00\"")]
    [InlineData("date.add", """{ "date": 0, "amount": -0.5, "unit": "hour" }""", "\"1969-12-31T23:30:00Z\"")]
    [InlineData("date.difference", """{ "from": "2026-01-31", "to": "2026-03-30", "unit": "month" }""", "1")]
    [InlineData("date.difference", """{ "from": "2026-01-02", "to": "2026-01-01T01:00:00Z" }""", "0")]
    [InlineData("date.format", """{ "date": "2026-03-01T10:00:00Z", "format": "D.M.YYYY HH:mm", "zone": "America/New_York" }""", "\"1.3.2026 05:00\"")]
    [InlineData("date.format", """{ "date": "2026-03-01T10:00:00Z" }""", "\"2026-03-01\"")]
    [InlineData("date.parse", """{ "text": "01.03.2026 10:30", "format": "DD.MM.YYYY HH:mm", "zone": "Europe/Berlin" }""", "\"2026-03-01T10:30:00+01:00\"")]
    [InlineData("date.parse", """{ "text": "Sun, 01 Mar 2026 10:00:00 GMT" }""", "\"2026-03-01T10:00:00Z\"")]
    [InlineData("date.start_of", """{ "date": "2026-03-01T10:00:00Z", "unit": "week" }""", "\"2026-02-23T00:00:00Z\"")]
    [InlineData("date.start_of", """{ "date": "2026-02-10", "unit": "month", "edge": "end" }""", "\"2026-02-28T23:59:59.999Z\"")]
    [InlineData("date.to_zone", """{ "date": "2026-03-01T10:00:00Z", "zone": "+05:30" }""", "\"2026-03-01T15:30:00+05:30\"")]
    public Task Gives(string action, string input, string output) => DoneAction.GivesAsync(action, input, output);

    [Theory]
    [InlineData("list.aggregate", """{ "items": [1, "a"], "operation": "sum" }""", "'items': the items have to be numbers; found the text 'a' at position 1.")]
    [InlineData("list.aggregate", """{ "items": {} }""", "'items' must be a list; found an object.")]
    [InlineData("list.chunk", """{ "items": [], "size": 0 }""", "'size' must be 1 or more; found 0.")]
    [InlineData("list.filter", """{ "items": [1], "operator": "number_less_than" }""", "'value' is required: 'number_less_than' compares with it.")]
    [InlineData("list.filter", """{ "items": [1, "x"], "operator": "number_less_than", "value": 2 }""", "'items[1]': 'number_less_than' expects a number, found text.")]
    [InlineData("list.filter", """{ "items": [1], "operator": "number_less_than", "value": "x" }""", "'value': 'number_less_than' expects a number, found text.")]
    [InlineData("list.flatten", """{ "items": [], "depth": -1 }""", "'depth' must be 0 to 56; found -1.")]
    [InlineData("list.group_by", """{ "items": [{}], "by": "a[x]" }""", "'by': 'a[x]' is not a path: a position is written [0].")]
    [InlineData("list.sort_by", """{ "items": [1, "2"] }""", "'items' must have keys that are all numbers, all texts or all booleans; found the text \"2\" at position 1.")]
    [InlineData("date.add", """{ "date": "soon", "amount": 1 }""", "'date' must be a date such as 2026-03-01T10:00:00Z; found the text \"soon\".")]
    [InlineData("date.add", """{ "date": "2026-01-01", "amount": 1.5 }""", "'amount': years to days are not divided: the amount has to be a whole number, found 1.5.")]
    [InlineData("date.add", """{ "date": "9999-12-31", "amount": 1, "unit": "year" }""", "'amount': the result is outside of the years 1 to 9999.")]
    [InlineData("date.parse", """{ "text": "1/2", "format": "DD.MM.YYYY" }""", "'text': the text '1/2' is not a date in the format 'DD.MM.YYYY'.")]
    [InlineData("date.to_zone", """{ "date": "2026-01-01", "zone": "Europe/Berlim" }""", "'zone': there is no time zone 'Europe/Berlim'. Did you mean 'Europe/Berlin'?")]
    public Task Refuses(string action, string input, string message) => DoneAction.RefusesAsync(action, input, message);

    [Fact]
    public async Task Now_is_the_clock_of_the_run()
    {
        var clock = new ManualClock();
        var found = await DoneAction.OfAsync("date.now", """{ "zone": "Asia/Tokyo", "format": "x" }""", clock);
        Assert.Equal(clock.GetUtcNow().ToUnixTimeMilliseconds().ToString(System.Globalization.CultureInfo.InvariantCulture), found.ToElement().GetString());
    }

    [Fact]
    public async Task A_resumed_run_keeps_the_moment_and_the_numbers_it_first_saw()
    {
        const string steps = """
            [{ "name": "now", "kind": "action", "piece": "date", "action": "now", "input": {} },
             { "name": "dice", "kind": "action", "piece": "math", "action": "random", "input": { "least": 1, "most": 1000000000 } },
             { "name": "out", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": ["{{now}}", "{{dice}}"] } }]
            """;
        var clock = new ManualClock();
        var first = await WalkedRun.OfAsync(steps, clock: clock);
        clock.Advance(TimeSpan.FromHours(1));
        var again = await WalkedRun.OfAsync(steps, journal: first.Journal.Where(line => line.Name != "out"), clock: clock);
        Assert.Equal(first.Output, again.Output);
    }

    [Fact]
    public async Task Many_items_are_sorted_and_grouped_in_bounded_time()
    {
        // Enough that a comparison of each with each would use up the time of an action, and few enough for a slow machine.
        const int Items = 40_000;
        var items = JsonSerializer.Serialize(Enumerable.Range(0, Items).Select(i => i * 7919L % Items));
        var sorted = await DoneAction.OfAsync("list.sort_by", $$"""{ "items": {{items}} }""");
        Assert.Equal(0, sorted.ToElement()[0].GetInt32());
        var groups = await DoneAction.OfAsync("list.group_by", $$"""{ "items": {{items}} }""");
        Assert.Equal(Items, groups.ToElement().GetArrayLength());
        await Assert.ThrowsAsync<PieceException>(() => DoneAction.OfAsync("math.statistics", $$"""{ "items": [{{items}}] }"""));
    }
}
