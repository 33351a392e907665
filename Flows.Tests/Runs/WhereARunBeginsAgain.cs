using System.Text.Json;
using Flows.Api.Runs;

namespace Flows.Tests.Runs;

/// <summary>Which lines of a journal a run keeps that begins again at some step.</summary>
public sealed class WhereARunBeginsAgain
{
    private const string Definition = """
        { "steps": [
          { "name": "a", "kind": "action" },
          { "name": "each", "kind": "loop", "parallel": 1, "steps": [
            { "name": "b", "kind": "action" },
            { "name": "route", "kind": "router", "mode": "all", "branches": [
              { "name": "One", "when": true, "steps": [ { "name": "c", "kind": "code" } ] },
              { "name": "Two", "when": true, "steps": [ { "name": "d", "kind": "code" }, { "name": "e", "kind": "code" } ] },
              { "name": "Three", "when": true, "steps": [ { "name": "f", "kind": "code" } ] } ] } ] },
          { "name": "many", "kind": "loop", "parallel": 4, "steps": [ { "name": "g", "kind": "action" } ] },
          { "name": "order", "kind": "action", "onError": { "steps": [ { "name": "h", "kind": "action" }, { "name": "fix", "kind": "action" } ] } },
          { "name": "z", "kind": "action" } ] }
        """;

    private static readonly string[] s_lines =
    [
        "a", "each", "each[0].b", "each[0].route", "each[0].route:Two.e", "each[1].b", "each[1].route", "each[1].route:One.c", "each[1].route:Two.d", "each[1].route:Two.e",
        "each[1].route:Three.f", "each[2].b", "many", "many[0].g", "many[1].g", "many[2].g", "order", "order!h", "order!fix", "z",
    ];

    [Theory]
    [InlineData("a", "", "")]
    [InlineData("each", "a", "")]
    [InlineData("each[1].b", "a each[0].b each[0].route each[0].route:Two.e", "")]
    [InlineData("each[1].route:Two.e", "a each[0].b each[0].route each[0].route:Two.e each[1].b each[1].route:One.c each[1].route:Two.d", "each[1].route")]
    [InlineData("many[1].g", "a each each[0].b each[0].route each[0].route:Two.e each[1].b each[1].route each[1].route:One.c each[1].route:Two.d each[1].route:Two.e each[1].route:Three.f each[2].b many[0].g many[2].g", "")]
    public void What_stands_before_the_step_is_kept(string from, string kept, string reopened)
    {
        var point = RetryPoint.Find(JsonElement.Parse(Definition), from)!;
        Assert.Equal(kept, string.Join(' ', s_lines.Where(line => point.FateOf(line) == LineFate.Keep)));
        Assert.Equal(reopened, string.Join(' ', s_lines.Where(line => point.FateOf(line) == LineFate.Reopen)));
    }

    [Fact]
    public void In_a_failure_branch_the_step_that_failed_is_kept()
    {
        var point = RetryPoint.Find(JsonElement.Parse(Definition), "order!fix")!;
        Assert.Equal(["order", "order!h"], s_lines.Where(line => line.StartsWith("order", StringComparison.Ordinal) && point.FateOf(line) == LineFate.Keep));
        Assert.Equal(LineFate.Drop, point.FateOf("z"));
    }

    [Theory]
    [InlineData("nope")]
    [InlineData("each[x].b")]
    [InlineData("each[0]")]
    [InlineData("each:One.c")]
    [InlineData("each[0].route:Four.c")]
    [InlineData("a!b")]
    [InlineData("[")]
    public void A_path_that_leads_nowhere_is_not_found(string path) => Assert.Null(RetryPoint.Find(JsonElement.Parse(Definition), path));

    [Theory]
    [InlineData("\"name\": \"z\"", "\"name\": \"other\"", "order!fix", null)]                   // behind the point
    [InlineData("\"name\": \"fix\", \"kind\": \"action\"", "\"name\": \"fix\", \"kind\": \"code\"", "order!fix", null)] // the step itself
    [InlineData("{ \"name\": \"a\", \"kind\": \"action\" }", "{ \"name\": \"a\", \"kind\": \"code\" }", "z", "a")]
    [InlineData("{ \"name\": \"b\", \"kind\": \"action\" },", "", "each[1].route:Two.e", "each[1].b")]
    [InlineData("\"mode\": \"all\"", "\"mode\": \"parallel\"", "each[1].route:Two.e", "each[1].route")]
    [InlineData("\"name\": \"c\"", "\"name\": \"cc\"", "each[1].route:Two.e", "each[1].route")]   // a branch beside the way
    [InlineData("\"parallel\": 4", "\"parallel\": 2", "many[1].g", "many")]
    public void Another_version_fits_when_nothing_before_the_step_is_different(string was, string now, string from, string? different)
    {
        var changed = Definition.Replace(was, now, StringComparison.Ordinal);
        Assert.NotEqual(Definition, changed);
        var (mine, theirs) = (RetryPoint.Find(JsonElement.Parse(Definition), from)!, RetryPoint.Find(JsonElement.Parse(changed), from)!);
        Assert.Equal(different, mine.FirstDifference(theirs));
    }
}
