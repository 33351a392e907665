using System.Net;
using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Network;
using Flows.Contracts.Runs;
using Flows.Worker.Egress;
using Flows.Worker.Sandbox;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Flows.Tests.Network;

/// <summary>The engine that is delivered, as a process, whose only way to other hosts is a broker in this process; names mean what the test says.</summary>
internal sealed class EngineUnderTest : IAsyncDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);
    private readonly ProcessStarter _starter;
    private readonly EgressMetrics _metrics;

    private EngineUnderTest(ProcessStarter starter, EgressMetrics metrics, EgressBroker broker, BrokeredEgress egress, EngineProcess process) =>
        (_starter, _metrics, Broker, Egress, Process) = (starter, metrics, broker, egress, process);

    public EgressBroker Broker { get; }
    public BrokeredEgress Egress { get; }
    public EngineProcess Process { get; }

    public static async Task<EngineUnderTest> StartAsync(NetworkOptions options, ResolveName resolve)
    {
        var starter = new ProcessStarter();
        var metrics = new EgressMetrics();
        var execution = new ExecutionOptions();
        var broker = new EgressBroker(Options.Create(options), Options.Create(execution), metrics, TimeProvider.System, NullLogger<EgressBroker>.Instance, resolve);
        var egress = broker.OpenSocket();
        var files = new EngineFiles(Options.Create(new EngineOptions { Path = Path.Combine(AppContext.BaseDirectory, "Flows.Engine") }));
        var process = await EngineProcess.StartAsync(starter, files, egress, execution, NullLogger.Instance);
        return new EngineUnderTest(starter, metrics, broker, egress, process);
    }

    /// <summary>Walks steps and gives the outcome; everything is durable at once.</summary>
    public async Task<RunOutcome> RunAsync(string steps)
    {
        var definition = RawJson.Parse($$"""{ "schema": 1, "trigger": { "piece": "manual", "event": "run" }, "steps": {{steps}} }""");
        await Process.Writer.WriteAsync(FrameType.Start, new StartRun(
            Guid.CreateVersion7(), 1, Guid.CreateVersion7(), "test", Guid.CreateVersion7(), RunEnvironment.Production, definition,
            RawJson.Parse("{}"), [], new Dictionary<string, RawJson>(), new Dictionary<string, RawJson>(), EngineLimits.Default),
            EngineJson.Default.StartRun, default);
        while (await Process.Reader.ReadAsync(default).AsTask().WaitAsync(s_limit) is { } frame)
        {
            if (frame.Type == FrameType.Finished)
                return frame.Read(EngineJson.Default.RunFinished).Outcome;
            if (frame.Type == FrameType.Journal && frame.Read(EngineJson.Default.JournalLines) is { Barrier: true } lines)
                await Process.Writer.WriteAsync(FrameType.Durable, new JournalDurable(lines.Sequence), EngineJson.Default.JournalDurable, default);
        }
        throw new InvalidOperationException("The engine ended before the run was over.");
    }

    /// <summary>One GET request.</summary>
    /// <param name="input">More of the http piece's input: <c>, "auth": "bearer"</c>.</param>
    public Task<RunOutcome> GetAsync(string url, string input = "") =>
        RunAsync($$"""[{ "name": "call", "kind": "action", "piece": "http", "action": "request", "input": { "url": {{JsonSerializer.Serialize(url)}}{{input}} } }]""");

    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        Broker.Dispose();
        _metrics.Dispose();
        _starter.Dispose();
    }
}

/// <summary>
/// A name server under an attacker's hand: every answer may be another one, and none is to be kept. "Public" in these tests is 127.0.0.2,
/// which an Allow entry lets through; 127.0.0.1 stands for the network inside.
/// </summary>
internal sealed class RebindingNames(params (string Name, string[][] Answers)[] zone)
{
    private readonly Dictionary<string, int> _asked = [];

    public IReadOnlyDictionary<string, int> Asked => _asked;

    /// <summary>The next answer for the name; after the last one it begins again.</summary>
    public Task<IPAddress[]> ResolveAsync(string name, CancellationToken cancel)
    {
        lock (_asked)
        {
            var answers = Array.Find(zone, entry => entry.Name == name).Answers
                ?? throw new System.Net.Sockets.SocketException((int)System.Net.Sockets.SocketError.HostNotFound);
            var turn = _asked.GetValueOrDefault(name);
            _asked[name] = turn + 1;
            return Task.FromResult(Array.ConvertAll(answers[turn % answers.Length], IPAddress.Parse));
        }
    }
}
