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

/// <summary>The engine that is delivered, as a process, and its way to other hosts.</summary>
internal sealed class EngineUnderTest : IAsyncDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);
    private readonly IDisposable[] _parts;
    private readonly EngineProcess _process;

    private EngineUnderTest(EngineProcess process, params IDisposable[] parts) => (_process, _parts) = (process, parts);

    /// <summary>With a broker, under these options; names mean what <paramref name="resolve"/> says.</summary>
    public static async Task<EngineUnderTest> StartAsync(NetworkOptions options, ResolveName resolve)
    {
        var (first, _) = await StartAsync(options, resolve, isAlone: true);
        return first;
    }

    /// <summary>Two engines of one worker: what one does is not to be seen by the other.</summary>
    public static async Task<(EngineUnderTest First, EngineUnderTest Second)> StartPairAsync(NetworkOptions options, ResolveName resolve)
    {
        var (first, second) = await StartAsync(options, resolve, isAlone: false);
        return (first, second!);
    }

    private static async Task<(EngineUnderTest First, EngineUnderTest? Second)> StartAsync(NetworkOptions options, ResolveName resolve, bool isAlone)
    {
        var starter = new ProcessStarter();
        var metrics = new EgressMetrics();
        var namespaces = new NetworkNamespace(starter, NullLogger<NetworkNamespace>.Instance);
        var broker = new EgressBroker(Options.Create(options), Options.Create(new ExecutionOptions()), namespaces, metrics, TimeProvider.System, NullLogger<EgressBroker>.Instance, resolve);
        // Without a network as well, where this machine can do it.
        var launcher = await broker.FindLauncherAsync();
        var second = isAlone ? null : new EngineUnderTest(await StartAsync(starter, broker.OpenSocket(launcher)));
        return (new EngineUnderTest(await StartAsync(starter, broker.OpenSocket(launcher)), broker, metrics, starter), second);
    }

    /// <summary>With what a worker would put on its command line.</summary>
    public static async Task<EngineUnderTest> StartAsync(EngineEgress egress)
    {
        var starter = new ProcessStarter();
        return new EngineUnderTest(await StartAsync(starter, egress), starter);
    }

    private static Task<EngineProcess> StartAsync(ProcessStarter starter, EngineEgress egress)
    {
        var files = new EngineFiles(Options.Create(new EngineOptions { Path = Path.Combine(AppContext.BaseDirectory, "Flows.Engine") }));
        return EngineProcess.StartAsync(starter, files, egress, new ExecutionOptions(), NullLogger.Instance);
    }

    /// <summary>Walks steps and gives the outcome; everything is durable at once.</summary>
    public async Task<RunOutcome> RunAsync(string steps)
    {
        var definition = RawJson.Parse($$"""{ "schema": 1, "trigger": { "piece": "manual", "event": "run" }, "steps": {{steps}} }""");
        await _process.Writer.WriteAsync(FrameType.Start, new StartRun(
            Guid.CreateVersion7(), 1, Guid.CreateVersion7(), "test", Guid.CreateVersion7(), RunEnvironment.Production, definition,
            RawJson.Parse("{}"), [], new Dictionary<string, RawJson>(), new Dictionary<string, RawJson>(), EngineLimits.Default),
            EngineJson.Default.StartRun, default);
        while (await _process.Reader.ReadAsync(default).AsTask().WaitAsync(s_limit) is { } frame)
        {
            if (frame.Type == FrameType.Finished)
                return frame.Read(EngineJson.Default.RunFinished).Outcome;
            if (frame.Type == FrameType.Journal && frame.Read(EngineJson.Default.JournalLines) is { Barrier: true } lines)
                await _process.Writer.WriteAsync(FrameType.Durable, new JournalDurable(lines.Sequence), EngineJson.Default.JournalDurable, default);
        }
        throw new InvalidOperationException("The engine ended before the run was over.");
    }

    /// <summary>One GET request.</summary>
    /// <param name="input">More of the http piece's input: <c>, "auth": "bearer"</c>.</param>
    public Task<RunOutcome> GetAsync(string url, string input = "") =>
        RunAsync($$"""[{ "name": "call", "kind": "action", "piece": "http", "action": "request", "input": { "url": {{JsonSerializer.Serialize(url)}}{{input}} } }]""");

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        foreach (var part in _parts)
            part.Dispose();
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
