using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Engine.Expressions;
using Flows.Engine.Pieces;

namespace Flows.Engine.Steps;

/// <summary>What every step of one run shares. None of it is state of the walk.</summary>
internal sealed class RunContext
{
    private int _answered;

    public RunContext(StartRun start, CompiledFlow flow, IRunHost host, PieceCatalog pieces, OutboundHttp http, Journal journal, TimeProvider clock)
    {
        Start = start;
        Flow = flow;
        Host = host;
        Pieces = pieces;
        Http = http;
        Journal = journal;
        Clock = clock;
        Meter = new RunMeter(start.Limits, start.LogBytes);
        Waits = new RunWaits(start, clock);
        Links = new ResumeLinks(start, flow.Places);
        Connections = new RunConnections(start);
        Test = start.Test is { } plan ? new TestTerms(plan, flow.Places) : null;
        Names =
        [
            new("run", ValueObject.Of([new("id", Text(start.RunId)), new("environment", Value.Of(start.Environment.ToString()))])),
            new("flow", ValueObject.Of([new("id", Text(start.FlowId)), new("name", Value.Of(start.FlowName)), new("versionId", Text(start.VersionId))])),
            new("vars", ObjectOf(start.Variables)),
        ];
    }

    public StartRun Start { get; }
    public CompiledFlow Flow { get; }
    public IRunHost Host { get; }
    public PieceCatalog Pieces { get; }
    public OutboundHttp Http { get; }
    public Journal Journal { get; }
    public TimeProvider Clock { get; }
    public RunMeter Meter { get; }
    public RunWaits Waits { get; }
    public ResumeLinks Links { get; }
    public Secrets Secrets => Connections.Secrets;

    /// <summary>What expressions may name beside steps: run, flow and vars.</summary>
    public IReadOnlyList<KeyValuePair<string, Value>> Names { get; }
    public RunConnections Connections { get; }

    /// <summary>What a test run takes as given and where it ends; null for every other run.</summary>
    public TestTerms? Test { get; }

    /// <summary>True for the one respond step that answers the caller.</summary>
    public bool TryAnswer() => Interlocked.Exchange(ref _answered, 1) == 0;

    private static Value Text(Guid id) => Value.Of(id.ToString());

    private static Value ObjectOf(IReadOnlyDictionary<string, RawJson> values) =>
        ValueObject.Of(values.Select(pair => new KeyValuePair<string, Value>(pair.Key, Value.FromJson(pair.Value))));
}
