using Flows.LocalHosting.Dashboard.Traces;

namespace Flows.Tests.LocalHosting;

public sealed class KeepingTraces
{
    private static readonly DateTimeOffset s_start = new(2026, 3, 1, 10, 0, 0, TimeSpan.Zero);

    [Fact]
    public void The_quiet_ones_are_forgotten_first_and_no_trace_grows_without_end()
    {
        var memory = new TraceMemory(mostTraces: 3, mostSpansOfOne: 4, mostSpans: 8);
        memory.Add([Span("a", "1"), Span("b", "1"), Span("c", "1"), Span("a", "2"), Span("d", "1")]);
        Assert.Null(memory.Find("b"));
        Assert.Equal(["a", "c", "d"], memory.Newest(10, onlyRuns: false).Select(trace => trace.Id).Order());

        memory.Add(Enumerable.Range(3, 9).Select(n => Span("a", $"{n}")));
        Assert.Equal((4, 7), (memory.Find("a")!.Spans.Count, memory.Find("a")!.LeftOut));

        // Eight spans in all: that of c, which has been quiet the longest, makes room.
        memory.Add([Span("d", "2"), Span("d", "3"), Span("d", "4")]);
        Assert.Equal(8, memory.Newest(10, onlyRuns: false).Sum(trace => trace.Spans.Count));
        memory.Add([Span("e", "1")]);
        Assert.Null(memory.Find("c"));
        Assert.True(memory.Newest(10, onlyRuns: false).Sum(trace => trace.Spans.Count) <= 8);
    }

    [Fact]
    public void A_parent_stands_before_its_children_whatever_came_first_and_an_orphan_or_a_circle_is_no_trouble()
    {
        var memory = new TraceMemory();
        memory.Add([Span("t", "child2", "root", 5), Span("t", "leaf", "child1", 3), Span("t", "child1", "root", 2), Span("t", "orphan", "unknown", 9), Span("t", "root", "", 0), Span("t", "root", "", 0)]);
        Assert.Equal([("root", 0), ("child1", 1), ("leaf", 2), ("child2", 1), ("orphan", 0)], memory.Find("t")!.InOrder().Select(line => (line.Span.Id, line.Depth)));

        memory.Add([Span("circle", "x", "y"), Span("circle", "y", "x"), Span("circle", "self", "self")]);
        Assert.Equal(["self"], memory.Find("circle")!.InOrder().Select(line => line.Span.Id));
    }

    [Fact]
    public void What_comes_from_outside_is_text_on_the_page()
    {
        var memory = new TraceMemory();
        memory.Add([Span("t", "1") with { Name = "<script>alert(1)</script>", Error = "<b>", IsError = true, Tags = [new("flows.run.id", "<i>")] }]);
        foreach (var page in new[] { TracePages.List(memory, all: false), TracePages.Show(memory.Find("t")!, all: false) })
        {
            Assert.DoesNotContain("<script>", page, StringComparison.Ordinal);
            Assert.DoesNotContain("<i>", page, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("0A")]         // a field without its length
    [InlineData("0AFF")]       // a length that goes on beyond the end
    [InlineData("0A7F01")]     // more bytes than there are
    [InlineData("0F")]         // a type that there is none of
    [InlineData("0AFFFFFFFFFFFFFFFFFFFF01")]
    [InlineData("0A06120412020A00")] // a span without an id
    public void A_message_that_is_none_is_refused(string hex) =>
        Assert.Throws<InvalidDataException>(() => OtlpMessage.ReadSpans(Convert.FromHexString(hex)));

    private static Span Span(string trace, string id, string parent = "", int second = 0) =>
        new(trace, id, parent, "api", "1", $"span {id}", SpanKind.Internal, s_start.AddSeconds(second), s_start.AddSeconds(second + 1), IsError: false, "", [], []);
}
