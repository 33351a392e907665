using System.Text.Json;
using Flows.Engine.Expressions;

namespace Flows.Tests.Language;

public sealed class ChanceTests
{
    private const string Template = "{{ [uuid(), random(), randomInteger(1, 1000000), randomText(8), shuffle(range(20)), sample([1, 2, 3])] }}";

    private static string Run(string seed) =>
        InputTemplate.Compile(JsonSerializer.SerializeToElement(Template)).Evaluate(SampleScope.Of("{}"), new EvaluationContext(TimeProvider.System, seed)).ToString();

    [Fact]
    public void The_same_seed_gives_the_same_values() => Assert.Equal(Run("run:step"), Run("run:step"));

    [Fact]
    public void Another_seed_gives_others() => Assert.NotEqual(Run("run:step"), Run("run:other"));

    [Fact]
    public void Two_ids_of_one_step_differ() => Assert.Equal("false", Expressions.Json("{{ uuid() === uuid() }}"));

    [Fact]
    public void An_id_is_one_of_version_4()
    {
        var id = Expressions.Value("{{ uuid() }}").AsText;
        Assert.Equal(4, Guid.Parse(id).Version);
    }

    [Theory]
    [InlineData("{{ range(500).map(() => random()).every(n => n >= 0 && n < 1) }}", "true")]
    [InlineData("{{ range(500).map(() => randomInteger(1, 6)).unique().sort() }}", "[1,2,3,4,5,6]")]
    [InlineData("{{ randomInteger(5, 5) }}", "5")]
    [InlineData("{{ randomText(3, 'a') }}", "\"aaa\"")]
    [InlineData("{{ shuffle(range(30)).sort() === range(30) }}", "true")]
    [InlineData("{{ sample([]) }}", "null")]
    public void Keeps_its_promises(string template, string json) => Assert.Equal(json, Expressions.Json(template));

    [Fact]
    public void A_range_upside_down_is_refused() =>
        Assert.Equal("1:4: randomInteger(): least is 2 and above most, 1", Expressions.Error("{{ randomInteger(2, 1) }}"));

    [Fact]
    public void Now_is_one_moment_for_the_whole_step()
    {
        var clock = new ManualClock();
        var context = new EvaluationContext(clock, "seed");
        var template = InputTemplate.Compile(JsonSerializer.SerializeToElement("{{ [now(), today(), timestamp()] }}"));
        var first = template.Evaluate(SampleScope.Of("{}"), context).ToString();
        clock.Advance(TimeSpan.FromDays(1));
        Assert.Equal(first, template.Evaluate(SampleScope.Of("{}"), context).ToString());
    }
}
