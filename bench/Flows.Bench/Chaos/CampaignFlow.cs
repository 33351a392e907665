namespace Flows.Bench.Chaos;

/// <summary>What may be done how often to the world by one step.</summary>
internal enum Promise
{
    /// <summary>An effect that is asked about, or failed, when it is uncertain: never twice.</summary>
    AtMostOnce,
    /// <summary>An idempotent call, or an effect that its author lets repeat: at least once, and never after it has finished.</summary>
    MayRepeat,
}

/// <param name="Effect">Path of the step that writes to the ledger.</param>
/// <param name="Since">Path of the step from whose beginning it is counted; the same path says that only a second try has to wait.</param>
internal sealed record DueTime(string Effect, string Since, TimeSpan Wait);

/// <summary>A flow of the campaign, and what its runs promise.</summary>
/// <param name="Definition">JSON; LEDGER stands for the ledger's address.</param>
/// <param name="Effects">Each path that a succeeded run with this payload number has written to the ledger under.</param>
internal sealed record CampaignFlow(string Name, string Definition, Func<int, IReadOnlyDictionary<string, Promise>> Effects)
{
    /// <summary>Path of the step that calls another flow of the campaign and waits for it; null for none. CALLED in the definition is that flow.</summary>
    public string? Calls { get; init; }

    /// <summary>What may not reach the ledger sooner than so long after a step began: an effect behind a delay, or a step's own next try.</summary>
    public DueTime? NoSooner { get; init; }

    /// <summary>Path of a step whose policy fails the run when it is uncertain; null for none.</summary>
    public string? FailsWhenUncertain { get; init; }

    /// <summary>
    /// Every flow draws a random number in a step without effects and sends it to the ledger in steps with: were the draw repeated after an
    /// effect had used it, the ledger and the journal would tell different numbers.
    /// </summary>
    public static IReadOnlyList<CampaignFlow> All { get; } =
    [
        new("one effect", Steps("""
            { "name": "pay", "kind": "action", "piece": "http", "action": "request", "input": { "method": "POST", "url": "LEDGER/write", "body": { "value": "{{draw}}" } } },
            { "name": "note", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{pay.body.ticket}}" } }
            """), _ => Once("pay")),
        new("a loop in parallel", Steps("""
            { "name": "each", "kind": "loop", "items": [1, 2, 3, 4], "parallel": 2, "steps": [
              { "name": "send", "kind": "action", "piece": "http", "action": "request", "input": { "method": "POST", "url": "LEDGER/write", "body": { "value": "{{draw}}" } } },
              { "name": "keep", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{send.body.ticket + each.index}}" } } ] },
            { "name": "put", "kind": "action", "piece": "http", "action": "request", "input": { "method": "PUT", "url": "LEDGER/write", "body": { "value": "{{draw}}" } } }
            """), _ => Enumerable.Range(0, 4).Select(i => ($"each[{i}].send", Promise.AtMostOnce)).Append(("put", Promise.MayRepeat)).ToDictionary()),
        new("a router", Steps("""
            { "name": "way", "kind": "router", "mode": "first", "branches": [
              { "name": "Even", "when": "{{trigger.n % 2 == 0}}", "steps": [
                { "name": "once", "kind": "action", "piece": "http", "action": "request", "onUncertain": "fail", "input": { "method": "POST", "url": "LEDGER/slow", "body": { "value": "{{draw}}" } } } ] },
              { "name": "Odd", "otherwise": true, "steps": [
                { "name": "again", "kind": "action", "piece": "http", "action": "request", "onUncertain": "retry", "input": { "method": "POST", "url": "LEDGER/slow", "body": { "value": "{{draw}}" } } } ] } ] }
            """), n => n % 2 == 0 ? Once("way:Even.once") : new Dictionary<string, Promise> { ["way:Odd.again"] = Promise.MayRepeat }) { FailsWhenUncertain = "way:Even.once" },
        new("retries", Steps("""
            { "name": "flaky", "kind": "action", "piece": "http", "action": "request", "retry": { "attempts": 4, "delay": "00:00:00.200", "backoff": 1, "on": ["5xx"] },
              "input": { "method": "POST", "url": "LEDGER/flaky", "body": { "value": "{{draw}}" } } }
            """), _ => Once("flaky")),
        new("slow code between two effects", Steps("""
            { "name": "first", "kind": "action", "piece": "http", "action": "request", "input": { "method": "POST", "url": "LEDGER/write", "body": { "value": "{{draw}}" } } },
            { "name": "think", "kind": "code", "language": "javascript", "input": {}, "source": "export default () => new Promise(done => setTimeout(() => done(1), 600));" },
            { "name": "last", "kind": "action", "piece": "http", "action": "request", "input": { "method": "POST", "url": "LEDGER/slow", "body": { "value": "{{draw}}" } } }
            """), _ => new Dictionary<string, Promise> { ["first"] = Promise.AtMostOnce, ["last"] = Promise.AtMostOnce }),
        new("a short delay", Steps("""
            { "name": "first", "kind": "action", "piece": "http", "action": "request", "input": { "method": "POST", "url": "LEDGER/write", "body": { "value": "{{draw}}" } } },
            { "name": "pause", "kind": "wait", "for": "delay", "value": "00:00:03" },
            { "name": "last", "kind": "action", "piece": "http", "action": "request", "input": { "method": "POST", "url": "LEDGER/write", "body": { "value": "{{draw}}" } } }
            """), _ => new Dictionary<string, Promise> { ["first"] = Promise.AtMostOnce, ["last"] = Promise.AtMostOnce }) { NoSooner = new("last", "pause", TimeSpan.FromSeconds(3)) },
        new("a retry that is waited for", Steps("""
            { "name": "flaky", "kind": "action", "piece": "http", "action": "request", "retry": { "attempts": 3, "delay": "00:00:07", "backoff": 1, "on": ["5xx"] },
              "input": { "method": "POST", "url": "LEDGER/flaky", "body": { "value": "{{draw}}" } } }
            """), _ => Once("flaky")) { NoSooner = new("flaky", "flaky", TimeSpan.FromSeconds(5.6)) /* jitter takes up to a fifth */ },
        new("a flow that calls another", Steps("""
            { "name": "sub", "kind": "call", "flow": "CALLED", "input": { "n": "{{trigger.n}}" } },
            { "name": "after", "kind": "action", "piece": "http", "action": "request", "input": { "method": "POST", "url": "LEDGER/write", "body": { "value": "{{draw}}" } } }
            """), _ => Once("after")) { Calls = "sub" },
    ];

    /// <summary>What <see cref="Calls"/> calls. Nobody else starts it.</summary>
    public static CampaignFlow Called { get; } = new("a called flow", Steps("""
        { "name": "pay", "kind": "action", "piece": "http", "action": "request", "input": { "method": "POST", "url": "LEDGER/slow", "body": { "value": "{{draw}}" } } },
        { "name": "end", "kind": "stop", "output": { "ticket": "{{pay.body.ticket}}", "draw": "{{draw}}" } }
        """), _ => Once("pay"));

    private const string Draw =
        """{ "name": "draw", "kind": "code", "language": "javascript", "input": {}, "source": "export default () => Math.random();" }""";

    private static string Steps(string steps) =>
        $$"""{ "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} }, "steps": [ {{Draw}}, {{steps}} ] }""";

    private static Dictionary<string, Promise> Once(string path) => new() { [path] = Promise.AtMostOnce };
}
