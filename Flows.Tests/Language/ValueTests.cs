using System.Text;
using System.Text.Json;
using Flows.Engine.Expressions;

namespace Flows.Tests.Language;

public sealed class ValueTests
{
    private static Value Read(string json) => Value.FromJson(Encoding.UTF8.GetBytes(json));

    [Theory]
    [InlineData("null")]
    [InlineData("true")]
    [InlineData("-9223372036854775808")]
    [InlineData("9223372036854775807")]
    [InlineData("0.1")]
    [InlineData("1.7976931348623157e+308")]
    [InlineData("5e-324")]
    [InlineData("\"ü😀\\n\\\"\\\\\"")]
    [InlineData("[1,[],{},\"\"]")]
    [InlineData("{\"b\":1,\"a\":{\"c\":[null]}}")]
    public void What_is_read_is_written(string json) => Assert.Equal(json, Read(json).ToRawJson().ToString());

    [Theory]
    [InlineData("1.0", "1")]
    [InlineData("1E3", "1000")]
    [InlineData("-0", "0")]
    [InlineData("9223372036854775808", "9223372036854776000")]
    [InlineData("123456789012345680000", "123456789012345680000")]
    [InlineData("0.00001", "0.00001")]
    [InlineData("\"\\ud83d\\ude00\"", "\"😀\"")]
    [InlineData("\"a\\ud83d b\"", "\"a\uFFFD b\"")]
    [InlineData("{\"\\udc00\":1}", "{\"\uFFFD\":1}")]
    [InlineData("{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}")]
    public void Other_spellings_become_the_plain_one(string json, string expected) => Assert.Equal(expected, Read(json).ToRawJson().ToString());

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("1 2")]
    [InlineData("1e999")]
    [InlineData("nul")]
    public void What_is_not_one_json_value_is_refused(string json) => Assert.ThrowsAny<JsonException>(() => Read(json));

    [Fact]
    public void Nesting_has_a_limit()
    {
        string Nested(int levels) => new string('[', levels) + new string(']', levels);
        Assert.Equal(Value.MaxDepth, Read(Nested(Value.MaxDepth)).Depth);
        Assert.ThrowsAny<JsonException>(() => Read(Nested(Value.MaxDepth + 1)));
    }

    [Fact]
    public void Equal_values_have_equal_hashes_whatever_their_spelling()
    {
        var (a, b) = (Read("""{"x":[1,2.0,"a"],"y":{"p":1,"q":2}}"""), Read("""{"y":{"q":2.0,"p":1},"x":[1.0,2,"a"]}"""));
        Assert.Equal(a, b);
        Assert.Equal(a.GetHashCode(), b.GetHashCode());
        Assert.NotEqual(a, Read("""{"x":[1,2.0,"a"],"y":{"p":1}}"""));
        Assert.NotEqual(Value.Of("1"), Value.Of(1L));
    }

    [Fact]
    public void Large_objects_find_every_property()
    {
        var large = Read($"{{{string.Join(',', Enumerable.Range(0, 1000).Select(i => $"\"k{i}\":{i}"))}}}").AsObject;
        Assert.Equal(1000, large.Count);
        Assert.All(Enumerable.Range(0, 1000), i => Assert.True(large.TryGet($"k{i}", out var value) && value.Equals(Value.Of((long)i))));
        Assert.False(large.TryGet("k1000", out _));
    }

    [Fact]
    public void Numbers_are_never_infinite()
    {
        Assert.Throws<ExpressionException>(() => Value.Of(double.NaN));
        Assert.Throws<ExpressionException>(() => Value.Of(double.PositiveInfinity));
    }

    [Fact]
    public void Doubles_are_written_with_the_fewest_digits_that_read_back()
    {
        var random = new Random(7);
        for (var i = 0; i < 100_000; i++)
        {
            var number = BitConverter.Int64BitsToDouble(random.NextInt64(long.MinValue, long.MaxValue));
            if (!double.IsFinite(number))
                continue;
            var text = Value.Of(number).ToString();
            Assert.Equal(number == 0 ? 0 : number, double.Parse(text, System.Globalization.CultureInfo.InvariantCulture));
            Assert.Equal(text, Read(text).ToRawJson().ToString());
        }
    }
}
