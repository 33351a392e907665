using Flows.Engine.Expressions;

namespace Flows.Tests.Language;

public sealed class LimitTests
{
    private static readonly ExpressionLimits s_small = new() { Steps = 10_000, Depth = 10, TextLength = 1_000, ListItems = 1_000, Size = 100_000, Time = TimeSpan.FromSeconds(2), PatternTime = TimeSpan.FromMilliseconds(50) };

    [Theory]
    [InlineData("range(1000).map(a => range(1000).map(b => 1))", "steps")]
    [InlineData("range(900).reduce((a, b) => a + range(20).sum(), 0)", "steps")]
    [InlineData("range(20).reduce(a => [a], 1)", "depth")]
    [InlineData("range(20).reduce(a => ({ a }), 1)", "depth")]
    [InlineData("'x'.repeat(2000)", "text length")]
    [InlineData("'x'.padStart(2000)", "text length")]
    [InlineData("'ab'.repeat(400) + 'ab'.repeat(400)", "text length")]
    [InlineData("replaceAll('a'.repeat(100), 'a', 'b'.repeat(100))", "text length")]
    [InlineData("replacePattern('a'.repeat(100), 'a', 'b'.repeat(100))", "text length")]
    [InlineData("join(fill(100, 'x'), '-'.repeat(100))", "text length")]
    [InlineData("`${'x'.repeat(900)}${'x'.repeat(900)}`", "text length")]
    [InlineData("toJson(fill(900, 'x'.repeat(900)))", "size")]
    [InlineData("toJson(fill(90, 'x'.repeat(90)))", "text length")]
    [InlineData("urlEncode('ü'.repeat(500))", "text length")]
    [InlineData("formatNumber(1e15, 2, 'x'.repeat(500))", "text length")]
    [InlineData("range(1000000000)", "list size")]
    [InlineData("range(-9223372036854775808, 9223372036854775807)", "list size")]
    [InlineData("fill(2000, 1)", "list size")]
    [InlineData("split(','.repeat(999) , ',').concat([1])", "list size")]
    [InlineData("flatMap(range(100), a => range(100))", "list size")]
    [InlineData("flatten(fill(100, range(100)))", "list size")]
    [InlineData("[...range(600), ...range(600)]", "list size")]
    [InlineData("cartesian(range(100), range(100))", "list size")]
    [InlineData("zip(range(900), range(900))", "list size")]
    [InlineData("range(200).map(i => 'x'.repeat(1000))", "size")]
    [InlineData("range(9).reduce((a) => [a, a, a, a], fill(1000, 1))", "size")]
    [InlineData("test('a'.repeat(40) + '!', '^(?=a)(a+)+$')", "pattern time")]
    [InlineData("parseJson('['.repeat(57) + ']'.repeat(57))", "depth")]
    [InlineData("parseJson('{\"a\":'.repeat(100))", "depth")]
    [InlineData("parseJson('1' + '0'.repeat(400))", "number size")]
    public void The_limit_that_is_broken_is_named(string expression, string limit)
    {
        var error = Assert.Throws<ExpressionException>(() => Expressions.Value($"{{{{ {expression} }}}}", s_small));
        Assert.True(error.IsLimit, error.Message);
        Assert.EndsWith($"(limit: {limit})", error.Message, StringComparison.Ordinal);
        Assert.Equal("$", error.Field);
    }

    [Fact]
    public void Time_runs_out()
    {
        var limits = new ExpressionLimits { Steps = long.MaxValue, Size = long.MaxValue, Time = TimeSpan.FromMilliseconds(100) };
        var error = Assert.Throws<ExpressionException>(() => Expressions.Value("{{ range(1000000).map(a => range(1000).sum()) }}", limits));
        Assert.EndsWith("takes longer than 0.1 seconds (limit: time)", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Few steps, each of which goes through much: the clock is not looked at every so many steps alone.</summary>
    [Theory]
    [InlineData("range(50).map(i => a === b)")]
    [InlineData("range(50).map(i => a !== b)")]
    [InlineData("range(50).map(i => difference(a, b).length)")]
    [InlineData("range(50).map(i => unique(a).length)")]
    [InlineData("range(50).map(i => includes(a, -1))")]
    [InlineData("range(50).map(i => crc32(text))")]
    [InlineData("range(50).map(i => isJson(text))")]
    [InlineData("range(50).map(i => secureEquals(text, text))")]
    [InlineData("matchAll(text, '(?=a)a+!').length")]
    public void Time_runs_out_between_steps_that_go_through_much(string expression)
    {
        var scope = new SampleScope(ValueObject.Of(
            new("a", ValueList.Of(Enumerable.Range(0, 5_000).Select(i => Value.Of(i)))), new("b", ValueList.Of(Enumerable.Range(0, 5_000).Select(i => Value.Of(i)))),
            new("text", Value.Of(string.Concat(Enumerable.Repeat("aaaaaaaaa!", 500))))).AsObject);
        var template = InputTemplate.Compile(System.Text.Json.JsonSerializer.SerializeToElement($"{{{{ {expression} }}}}"));
        var error = Assert.Throws<ExpressionException>(() => template.Evaluate(scope, new EvaluationContext(new HurryingClock(), "seed")));
        Assert.EndsWith("(limit: time)", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Whoever looks at it finds that ten seconds have gone by.</summary>
    private sealed class HurryingClock : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => 1;
        public override long GetTimestamp() => _now += 10;
    }

    [Fact]
    public void A_number_that_is_too_large_is_not_repeated_at_length()
    {
        var error = Assert.Throws<System.Text.Json.JsonException>(() => Value.FromJson(System.Text.Encoding.UTF8.GetBytes(new string('9', 100_000))));
        Assert.Equal($"The number {new string('9', 30)}… is too large.", error.Message);
    }

    [Fact]
    public void A_pattern_without_look_around_takes_time_in_proportion_to_the_text() =>
        Assert.Equal("false", Expressions.Value("{{ test('a'.repeat(100000) + '!', '^(a+)+$') }}", ExpressionLimits.Default with { PatternTime = TimeSpan.FromSeconds(2) }).ToString());

    [Fact]
    public void Each_evaluation_begins_with_everything_unused()
    {
        var template = InputTemplate.Compile(System.Text.Json.JsonSerializer.SerializeToElement("{{ range(900).map(i => i * 2).length }}"));
        var context = Expressions.Context(s_small);
        for (var i = 0; i < 100; i++)
            Assert.Equal("900", template.Evaluate(SampleScope.Of("{}"), context).ToString());
    }

    [Fact]
    public void Shared_parts_cannot_blow_up_the_result()
    {
        var error = Assert.Throws<ExpressionException>(() => Expressions.Value("{{ range(50).reduce(a => [a, a], 1) }}"));
        Assert.EndsWith("(limit: size)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_cache_keeps_to_its_bound()
    {
        for (var i = 0; i < 10_000; i++)
            InputTemplate.Compile(System.Text.Json.JsonSerializer.SerializeToElement($"{{{{ {i} }}}}"));
        Assert.InRange(ExpressionCache.Shared.Count, 1, 4_100);
    }
}
