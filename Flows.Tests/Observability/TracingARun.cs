using System.Diagnostics;
using System.Net;
using Flows.ServiceDefaults;
using Flows.Tests.Api;
using Flows.Tests.EndToEnd;
using Flows.Tests.Triggers;
using OpenTelemetry.Trace;

namespace Flows.Tests.Observability;

[Collection(Platform.Databases)]
public sealed class TracingARun : IClassFixture<TracingARun.TracedFlows>
{
    private readonly OtlpReceiver _receiver;
    private readonly FlowsProcess _flows;

    public TracingARun(TracedFlows traced)
    {
        (_receiver, _flows) = (traced.Receiver, traced.Flows);
        _receiver.CalledBy.Clear();
    }

    [Fact]
    public async Task One_trace_goes_from_the_webhook_through_queue_worker_and_steps_to_the_service_that_is_called()
    {
        var flow = await _flows.Api.PublishAsync("Traced", $$$"""
            { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
              "steps": [ { "name": "upper", "kind": "action", "piece": "text", "action": "change_case", "input": { "text": "a", "case": "upper" } },
                         { "name": "fetch", "kind": "action", "piece": "http", "action": "request", "input": { "url": "{{{_receiver.Url}}}/called" } },
                         { "name": "answer", "kind": "respond", "body": { "upper": "{{upper}}" } } ] }
            """);
        const string Trace = "4bf92f3577b34da6a3ce929d0e0e4736", Caller = "00f067aa0ba902b7";

        using var call = new HttpRequestMessage(HttpMethod.Post, $"/webhooks/{flow}/sync");
        call.Headers.TryAddWithoutValidation("traceparent", $"00-{Trace}-{Caller}-01");
        using var answer = await _flows.Api.Http.SendAsync(call);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var run = answer.Headers.GetValues("Flows-Run-Id").Single();

        var spans = await _receiver.UntilAsync(Trace, spans => spans.Exists(span => span.Name == "run Traced") && spans.Exists(span => span.ParentId == Caller));
        ReceivedSpan One(string name) => Assert.Single(spans, span => span.Name == name);
        var request = Assert.Single(spans, span => span.ParentId == Caller);
        Assert.Equal((2, "POST /webhooks/{flowId:guid}/sync", "200"), (request.Kind, request.Name, request.Tags["http.response.status_code"]));
        Assert.DoesNotContain(spans.SelectMany(span => span.Tags), tag => tag.Value.Contains($"{flow}/sync", StringComparison.Ordinal));
        Assert.Equal(request.SpanId, One("queue").ParentId);
        var attempt = One("run Traced");
        Assert.Equal((request.SpanId, 5), (attempt.ParentId, attempt.Kind));
        Assert.Equal((run, "1", "Succeeded"), (attempt.Tags["flows.run.id"], attempt.Tags["flows.run.attempt"], attempt.Tags["flows.run.status"]));
        Assert.Empty(attempt.Links);
        foreach (var (name, kind) in new[] { ("step upper", "action"), ("step fetch", "action"), ("step answer", "respond") })
        {
            var step = One(name);
            Assert.Equal((attempt.SpanId, kind), (step.ParentId, step.Tags["flows.step.kind"]));
            Assert.True(step.Start <= step.End && step.End <= attempt.End + 1_000_000_000);
        }
        Assert.Equal("http", One("step fetch").Tags["flows.step.piece"]);
        Assert.Equal($"00-{Trace}-{attempt.SpanId}-01", Assert.Single(_receiver.CalledBy));

        // A caller that says it does not want to be traced is not.
        using var quiet = new HttpRequestMessage(HttpMethod.Post, $"/webhooks/{flow}/sync");
        quiet.Headers.TryAddWithoutValidation("traceparent", $"00-{new string('a', 32)}-{Caller}-00");
        using var quietly = await _flows.Api.Http.SendAsync(quiet);
        Assert.Equal(HttpStatusCode.OK, quietly.StatusCode);
        Assert.Equal("", _receiver.CalledBy.Last());
    }

    [Fact]
    public async Task Runs_that_are_called_retried_or_started_by_the_clock_belong_to_the_trace_of_what_started_them()
    {
        // Called: the caller's two attempts and the called run are parts of one trace, under the request that started it all.
        var called = await _flows.Api.PublishAsync("Called", """
            { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} },
              "steps": [ { "name": "upper", "kind": "action", "piece": "text", "action": "change_case", "input": { "text": "a", "case": "upper" } } ] }
            """);
        var calling = await _flows.Api.PublishAsync("Calling", $$$"""
            { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} },
              "steps": [ { "name": "ask", "kind": "call", "flow": "{{{called}}}" } ] }
            """);
        const string First = "11111111111111111111111111111111", Second = "22222222222222222222222222222222", Caller = "00f067aa0ba902b7";
        var run = await StartAsync($"/api/v1/flows/{calling}/runs", "{}", First, Caller);
        await _flows.Api.UntilFinalAsync(run);
        var spans = await _receiver.UntilAsync(First, spans => spans.Exists(IsSecond) && spans.Exists(span => span.Name == "run Called"));
        var request = Assert.Single(spans, span => span.ParentId == Caller);
        Assert.All(spans.Where(span => span.Name.StartsWith("run ", StringComparison.Ordinal)), span => Assert.Equal(request.SpanId, span.ParentId));
        Assert.NotEqual(run.ToString(), Assert.Single(spans, span => span.Name == "run Called").Tags["flows.run.id"]);
        Assert.Equal([First], spans.Single(IsSecond).Links);

        // Done again as a new run: the trace of the person's request, linked to that of the run it comes from.
        var again = await StartAsync($"/api/v1/runs/{run}/retry", """{ "from": "start" }""", Second, Caller);
        await _flows.Api.UntilFinalAsync(again);
        spans = await _receiver.UntilAsync(Second, spans => spans.Exists(span => span.Name == "run Calling") && spans.Exists(span => span.ParentId == Caller));
        request = Assert.Single(spans, span => span.ParentId == Caller);
        Assert.Equal([First], request.Links);
        Assert.All(spans.Where(span => span.Name == "run Calling"), span => Assert.Equal((request.SpanId, again.ToString()), (span.ParentId, span.Tags["flows.run.id"])));

        // By the clock: a trace that begins with the time that was due.
        var ticking = await _flows.Api.PublishAsync("Ticking", """
            { "schema": 1, "trigger": { "name": "trigger", "piece": "schedule", "event": "interval", "input": { "every": "00:00:01" } }, "steps": [ { "name": "end", "kind": "stop" } ] }
            """);
        var fired = await _receiver.UntilAnyAsync(span => span.Name == "schedule" && span.Tags["flows.flow.id"] == ticking.ToString());
        await _flows.Api.SendAsync(HttpMethod.Post, $"/api/v1/flows/{ticking}/disable", null);
        Assert.Equal("", fired.ParentId);
        spans = await _receiver.UntilAsync(fired.TraceId, spans => spans.Exists(span => span.Name == "run Ticking"));
        var attempt = Assert.Single(spans, span => span.Name == "run Ticking");
        Assert.Equal((fired.SpanId, fired.Tags["flows.run.id"]), (attempt.ParentId, attempt.Tags["flows.run.id"]));
    }

    [Fact]
    public async Task Each_run_that_a_poll_starts_has_a_trace_of_its_own_which_begins_when_the_service_is_asked()
    {
        await using var feed = await FeedServer.StartAsync();
        feed.Items = ["old-1"];
        var flow = await _flows.Api.PublishAsync("Polled", $$$"""
            { "schema": 1, "trigger": { "piece": "rss", "event": "new_item", "input": { "url": "{{{feed.Address}}}", "every": "01:00:00" } },
              "steps": [ { "name": "fetch", "kind": "action", "piece": "http", "action": "request", "input": { "url": "{{{_receiver.Url}}}/called" } } ] }
            """);
        await PolledAsync(flow, "polls", 1);

        feed.Items = ["new-2", "new-1", "old-1"];
        await _flows.Api.SendAsync(HttpMethod.Post, $"/api/v1/flows/{flow}/trigger/check", null);
        await PolledAsync(flow, "startedRuns", 2);
        var runs = (await _flows.Api.SendAsync(HttpMethod.Get, $"/api/v1/runs?flow={flow}", null)).GetProperty("items").EnumerateArray()
            .Select(run => run.GetProperty("id").GetGuid()).ToList();
        Assert.Equal(2, runs.Count);
        var traces = new HashSet<string>();
        foreach (var run in runs)
        {
            Assert.Equal("Succeeded", (await _flows.Api.UntilFinalAsync(run)).GetProperty("status").GetString());
            var poll = await _receiver.UntilAnyAsync(span => span.Name == "poll" && span.Tags["flows.run.id"] == run.ToString());
            Assert.Equal(("", flow.ToString()), (poll.ParentId, poll.Tags["flows.flow.id"]));
            Assert.InRange(poll.End - poll.Start, 0ul, 60_000_000_000ul); // no longer than a poll may take
            var spans = await _receiver.UntilAsync(poll.TraceId, spans => spans.Exists(span => span.Name == "run Polled"));
            var attempt = Assert.Single(spans, span => span.Name == "run Polled");
            Assert.Equal((poll.SpanId, run.ToString()), (attempt.ParentId, attempt.Tags["flows.run.id"]));
            Assert.Equal(poll.SpanId, Assert.Single(spans, span => span.Name == "queue").ParentId);
            Assert.Equal(attempt.SpanId, Assert.Single(spans, span => span.Name == "step fetch").ParentId);
            Assert.Contains($"00-{poll.TraceId}-{attempt.SpanId}-01", _receiver.CalledBy);
            traces.Add(poll.TraceId);
        }
        Assert.Equal(2, traces.Count);
    }

    private async Task PolledAsync(Guid flow, string counter, long atLeast)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while ((await _flows.Api.SendAsync(HttpMethod.Get, $"/api/v1/flows/{flow}/trigger", null)).GetProperty(counter).GetInt64() < atLeast)
            await tick.WaitForNextTickAsync(limit.Token);
    }

    // There may be a third: a worker that is too slow to say that it goes on loses the run to another.
    private static bool IsSecond(ReceivedSpan span) => span.Name == "run Calling" && span.Tags["flows.run.attempt"] == "2";

    private async Task<Guid> StartAsync(string path, string body, string trace, string caller)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json") };
        request.Headers.Authorization = new("Bearer", _flows.Api.Key);
        request.Headers.TryAddWithoutValidation("traceparent", $"00-{trace}-{caller}-01");
        using var answer = await _flows.Api.Http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, text);
        return System.Text.Json.JsonElement.Parse(text).GetProperty("id").GetGuid();
    }

    [Fact]
    public void A_process_begins_no_more_traces_than_its_budget()
    {
        var clock = new ManualClock();
        var budget = new TraceBudget(2, clock);
        Assert.Equal([true, true, false], [Asks(budget), Asks(budget), Asks(budget)]);
        clock.Advance(TimeSpan.FromSeconds(0.5));
        Assert.Equal([true, false], [Asks(budget), Asks(budget)]);
        clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal([true, true, false], [Asks(budget), Asks(budget), Asks(budget)]); // no more is saved up
        Assert.False(Asks(new TraceBudget(0, clock)));
    }

    [Fact]
    public void What_belongs_to_a_recorded_trace_is_recorded_and_a_call_that_belongs_to_none_is_not()
    {
        var clock = new ManualClock();
        var budget = new TraceBudget(1, clock);
        Assert.True(Asks(budget));
        Assert.True(Asks(budget, ActivityKind.Client, Parent(recorded: true, remote: false)));
        Assert.True(Asks(budget, ActivityKind.Consumer, Parent(recorded: true, remote: true)));
        Assert.False(Asks(budget, ActivityKind.Server, Parent(recorded: true, remote: true))); // a stranger's wish costs budget
        Assert.False(Asks(budget, ActivityKind.Internal, Parent(recorded: false, remote: true)));
        clock.Advance(TimeSpan.FromSeconds(5));
        Assert.False(Asks(budget, ActivityKind.Client));
        Assert.True(Asks(budget, ActivityKind.Server, Parent(recorded: true, remote: true)));
    }

    private static bool Asks(TraceBudget budget, ActivityKind kind = ActivityKind.Server, ActivityContext parent = default) =>
        budget.ShouldSample(new SamplingParameters(parent, ActivityTraceId.CreateRandom(), "name", kind)).Decision == SamplingDecision.RecordAndSample;

    private static ActivityContext Parent(bool recorded, bool remote) =>
        new(ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom(), recorded ? ActivityTraceFlags.Recorded : ActivityTraceFlags.None, null, remote);

    /// <summary>API, worker and engines that send their spans to the tests.</summary>
    public sealed class TracedFlows(Platform platform) : IAsyncLifetime
    {
        private readonly TestDatabase _database = new(platform);

        internal OtlpReceiver Receiver { get; private set; } = null!;
        internal FlowsProcess Flows { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            Receiver = await OtlpReceiver.StartAsync();
            Flows = await FlowsProcess.StartAsync(_database, platform.RedisConnectionString,
                ("Flows__Queue__Provider", "Redis"), ("Flows__Telemetry__TracesPerSecond", "1000"),
                ("OTEL_EXPORTER_OTLP_ENDPOINT", Receiver.Url), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), ("OTEL_BSP_SCHEDULE_DELAY", "100"));
        }

        public async Task DisposeAsync()
        {
            await Flows.DisposeAsync();
            await Receiver.DisposeAsync();
            await _database.DisposeAsync();
        }
    }
}
