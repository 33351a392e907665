using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using Flows.Bench.Hosted;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Network;
using Flows.Contracts.Runs;
using Flows.Worker;
using Flows.Worker.Egress;
using Flows.Worker.Runs;
using Flows.Worker.Sandbox;
using Flows.Worker.Sandbox.Groups;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Flows.Bench;

/// <summary>
/// What a box costs, with the control group around it: the start of an engine, warm runs, requests through the broker, and runs that each have a process of their
/// own; and what a warm engine holds in memory. Plain and boxed engines take turns, A B B A, so that both see the same machine. No API, no queue: an engine and its pipe.
/// </summary>
internal sealed class SandboxBench : IDisposable
{
    private const int Starts = 20, WarmBlock = 250, WarmRounds = 120, Alone = 40;
    private const int PlatformCallers = 8, PlatformRounds = 9;
    private static readonly TimeSpan s_platformWarmUp = TimeSpan.FromSeconds(20), s_platformTurn = TimeSpan.FromSeconds(5);
    private static readonly int[] s_runsBeforeMemory = [1, 100, 1_000, 10_000];
    // An engine gives memory back when it has had nothing to do for ten to fifteen seconds.
    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_brokerTime = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    private readonly ProcessStarter _plainStarter = new(), _starter = new(new ControlGroups(Options.Create(new ExecutionOptions())));
    private readonly EgressMetrics _metrics = new();
    private readonly EngineFiles _files = new(Options.Create(new EngineOptions { Path = EnginePath() }));
    private readonly RawJson _definition = RawJson.Parse("""
        { "schema": 1, "trigger": { "piece": "manual", "event": "run" },
          "steps": [
            { "name": "a", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{trigger.n + 1}}" } },
            { "name": "r", "kind": "router", "mode": "first", "branches": [ { "name": "Yes", "when": "{{a > 1}}", "steps": [] }, { "name": "Otherwise", "otherwise": true, "steps": [] } ] },
            { "name": "b", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{upper(text(a))}} of {{trigger.n}}" } } ] }
        """);

    public static async Task<int> RunAsync(BenchArguments arguments)
    {
        if (new SandboxSupport(Options.Create(new EngineOptions { Path = EnginePath() })).Problem is { } problem)
            throw new BenchException($"this machine makes no boxes: {problem}");
        using var bench = new SandboxBench();
        List<string> report = [];
        foreach (var part in new Func<Task<List<string>>>[] { bench.StartsAsync, bench.WarmAsync, PlatformAsync, bench.MemoryAsync, BrokerAsync, bench.AloneAsync })
        {
            List<string> lines = [.. await part(), ""];
            lines.ForEach(Console.WriteLine);
            report.AddRange(lines);
        }
        Results.Keep(arguments, "sandbox", string.Join('\n', report));
        return 0;
    }

    public void Dispose()
    {
        _metrics.Dispose();
        _starter.Dispose();
        _plainStarter.Dispose();
    }

    private async Task<List<string>> StartsAsync()
    {
        List<double> plain = [], boxed = [];
        for (var i = -2; i < Starts; i++)
        {
            foreach (var isBoxed in i % 2 == 0 ? new[] { false, true } : [true, false])
            {
                var began = Stopwatch.GetTimestamp();
                await using var engine = await StartAsync(isBoxed);
                if (i >= 0)
                    (isBoxed ? boxed : plain).Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }
        }
        return
        [
            "| start of an engine, to its greeting | p50 ms | best | worst |", "|---|---|---|---|", Row("plain", plain), Row("boxed", boxed),
            Text($"| **added** (to reach: ≤ 10) | {Median(boxed) - Median(plain):0.0} | {boxed.Min() - plain.Min():0.0} | |"),
        ];
    }

    // Short blocks next to each other see the same machine, and what one pair of them says does not depend on what the machine did a second later.
    // Processor time tells what the box itself costs, whatever else ran.
    private async Task<List<string>> WarmAsync()
    {
        await using var plain = await StartAsync(isBoxed: false);
        await using var boxed = await StartAsync(isBoxed: true);
        List<double> plainRates = [], boxedRates = [], lost = [];
        var (plainMs, boxedMs) = (0.0, 0.0);
        for (var round = -WarmRounds / 4; round < WarmRounds; round++)
        {
            if (round == 0)
                (plainMs, boxedMs) = (ProcessorMs(plain), ProcessorMs(boxed));
            var (plainRate, boxedRate) = (0.0, 0.0);
            foreach (var isBoxed in round % 2 == 0 ? new[] { false, true } : [true, false])
            {
                var rate = await RateAsync(isBoxed ? boxed : plain);
                if (isBoxed)
                    boxedRate = rate;
                else
                    plainRate = rate;
            }
            if (round < 0)
                continue;
            plainRates.Add(plainRate);
            boxedRates.Add(boxedRate);
            lost.Add((1 - (boxedRate / plainRate)) * 100);
        }
        const int Runs = WarmRounds * WarmBlock;
        (plainMs, boxedMs) = ((ProcessorMs(plain) - plainMs) / Runs, (ProcessorMs(boxed) - boxedMs) / Runs);
        return
        [
            Text($"| warm runs of three steps, one engine, {WarmRounds} pairs of {WarmBlock} runs | runs/s p50 | best | worst | processor ms a run |"), "|---|---|---|---|---|",
            Text($"| plain | {Median(plainRates):0} | {plainRates.Max():0} | {plainRates.Min():0} | {plainMs:0.000} |"),
            Text($"| boxed | {Median(boxedRates):0} | {boxedRates.Max():0} | {boxedRates.Min():0} | {boxedMs:0.000} |"),
            Text($"| **lost** of the engine's part alone, median of the pairs | {Median(lost):0.0} % | | | {((boxedMs / plainMs) - 1) * 100:0.0} % |"),
        ];
    }

    private async Task<double> RateAsync(EngineProcess engine)
    {
        var began = Stopwatch.GetTimestamp();
        for (var i = 0; i < WarmBlock; i++)
            await WalkAsync(engine);
        return WarmBlock / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private static double ProcessorMs(EngineProcess engine) => ProcessUsage.OfTree(engine.Id, withRoot: true).CpuMs;

    /// <summary>The same for runs as they are in use: through webhook, queue, worker and journal, of which an engine is a part. Two platforms, one at a time.</summary>
    private static async Task<List<string>> PlatformAsync()
    {
        await using var plain = await LocalPlatform.StartAsync(workers: 2, $"--Flows:Execution:Mode={ExecutionOptions.Unsandboxed}", "--Flows:LocalHosting:Traces=false");
        await using var boxed = await LocalPlatform.StartAsync(workers: 2, $"--Flows:Execution:Mode={ExecutionOptions.SandboxCodeAndProcess}", "--Flows:LocalHosting:Traces=false");
        var flows = new Dictionary<LocalPlatform, Guid> { [plain] = await plain.Target.PublishAsync("plain", WebhookBench.Pure), [boxed] = await boxed.Target.PublishAsync("boxed", WebhookBench.Pure) };
        async Task<double> TurnAsync(LocalPlatform platform, TimeSpan time)
        {
            var (times, failed, seconds) = await WebhookBench.LoadAsync(platform.Target, flows[platform], PlatformCallers, time);
            return failed == 0 ? times.Count / seconds : throw new BenchException($"{failed} calls failed.");
        }
        await TurnAsync(plain, s_platformWarmUp);
        await TurnAsync(boxed, s_platformWarmUp);
        List<double> plainRates = [], boxedRates = [], lost = [];
        for (var round = 0; round < PlatformRounds; round++)
        {
            foreach (var platform in round % 2 == 0 ? new[] { plain, boxed } : [boxed, plain])
                (platform == plain ? plainRates : boxedRates).Add(await TurnAsync(platform, s_platformTurn));
            lost.Add((1 - (boxedRates[^1] / plainRates[^1])) * 100);
        }
        return
        [
            Text($"| synchronous runs of three steps through a whole platform, {PlatformCallers} callers, {PlatformRounds} pairs of {s_platformTurn.TotalSeconds:0} s | runs/s p50 | best | worst |"), "|---|---|---|---|",
            Text($"| plain | {Median(plainRates):0} | {plainRates.Max():0} | {plainRates.Min():0} |"), Text($"| boxed | {Median(boxedRates):0} | {boxedRates.Max():0} | {boxedRates.Min():0} |"),
            Text($"| **lost** (to reach: ≤ 5 %), median of the pairs | {Median(lost):0.0} % | | |"),
        ];
    }

    private async Task<List<string>> MemoryAsync()
    {
        await using var plain = await StartAsync(isBoxed: false);
        await using var boxed = await StartAsync(isBoxed: true);
        List<string> rows = ["| a warm engine (to reach: ≤ 60) | resident MiB | proportional share MiB |", "|---|---|---|"];
        void Measured(string when) => rows.AddRange([Memory($"plain, {when}", plain.Id), Memory($"boxed, {when}", boxed.Id, "Flows.Engine"), Memory($"boxed with its box, {when}", boxed.Id)]);
        var done = 0;
        foreach (var runs in s_runsBeforeMemory)
        {
            for (; done < runs; done++)
            {
                await WalkAsync(plain);
                await WalkAsync(boxed);
            }
            Measured(Text($"after {runs:N0} runs"));
        }
        await Task.Delay(s_rest);
        Measured("at rest after them");
        return [.. rows, "", "(the share divides pages that several processes map by their number)"];
    }

    private static async Task<List<string>> BrokerAsync() => ["| a request to loopback (to reach: ≤ 0.5 ms added) | way | requests | p50 ms | p95 ms | p99 ms | mean ms |", "|---|---|---|---|---|---|---|", .. await EgressBench.MeasureAsync(s_brokerTime)];

    private async Task<List<string>> AloneAsync()
    {
        // The bound: as many starts at once as the pool may have processes, and nothing else to do.
        var lanes = Environment.ProcessorCount;
        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, lanes).Select(async _ =>
        {
            for (var i = 0; i < Alone / lanes; i++)
                await (await StartAsync(isBoxed: true)).DisposeAsync();
        }));
        var bound = Alone / Stopwatch.GetElapsedTime(began).TotalSeconds;

        var execution = Execution(isBoxed: true);
        execution.Reuse = false;
        using var broker = Broker(execution);
        await using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var worker = Options.Create(new WorkerOptions { Concurrency = lanes });
        var metrics = new WorkerMetrics(services.GetRequiredService<IMeterFactory>(), worker, new LiveRuns());
        await using var engines = new EngineProcesses(
            _starter, _files, broker, worker, Options.Create(execution), metrics, TimeProvider.System, NullLogger<EngineProcesses>.Instance);
        engines.Tidy();
        began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, lanes).Select(async _ =>
        {
            for (var i = 0; i < Alone / lanes; i++)
            {
                using var rented = await engines.RentAsync(Guid.CreateVersion7(), CancellationToken.None);
                rented.MarkUsed();
                await WalkAsync(rented.Process);
            }
        }));
        var pooled = Alone / Stopwatch.GetElapsedTime(began).TotalSeconds;
        return
        [
            Text($"| a process for each run (`Reuse=false`), {lanes} at a time | a second |"), "|---|---|", Text($"| starts of boxed engines, and nothing else | {bound:0.0} |"),
            Text($"| runs through the pre-started pool | {pooled:0.0} |"), Text($"| **of the bound** | {pooled / bound * 100:0} % |"),
        ];
    }

    private async Task<EngineProcess> StartAsync(bool isBoxed)
    {
        var execution = Execution(isBoxed);
        using var broker = Broker(execution);
        // The socket's folder goes with the broker, and the socket stays open: no run of this benchmark calls anybody.
        return await EngineProcess.StartAsync(isBoxed ? _starter : _plainStarter, _files, isBoxed ? new EngineEgress([], Loose) : await broker.OpenAsync(), execution, NullLogger.Instance);
    }

    private static string[] Loose => [.. new NetworkOptions { Network = NetworkPolicy.Unrestricted }.ToSettings().ToArguments()];

    private static ExecutionOptions Execution(bool isBoxed) =>
        new() { EffectiveMode = isBoxed ? ExecutionOptions.SandboxCodeAndProcess : ExecutionOptions.Unsandboxed };

    // Plain engines share the machine's network; the pool's have a broker, as in STRICT.
    private EgressBroker Broker(ExecutionOptions execution) => new(
        Options.Create(new NetworkOptions { Network = execution.IsEngineBoxed ? NetworkPolicy.Strict : NetworkPolicy.Unrestricted }), Options.Create(execution),
        new NetworkNamespace(_starter, NullLogger<NetworkNamespace>.Instance), _metrics, TimeProvider.System, NullLogger<EgressBroker>.Instance);

    private async Task WalkAsync(EngineProcess engine)
    {
        await engine.Writer.WriteAsync(FrameType.Start, new StartRun(
            Guid.CreateVersion7(), 1, Guid.Empty, "bench", Guid.Empty, RunEnvironment.Production, _definition, RawJson.Parse("""{"n":1}"""),
            [], new Dictionary<string, RawJson>(), new Dictionary<string, RawJson>(), EngineLimits.Default), EngineJson.Default.StartRun, default);
        while (await engine.Reader.ReadAsync(default).AsTask().WaitAsync(s_limit) is { } frame)
        {
            if (frame.Type != FrameType.Finished)
                continue;
            var outcome = frame.Read(EngineJson.Default.RunFinished).Outcome;
            if (outcome.Status != RunStatus.Succeeded)
                throw new BenchException($"the run failed: {outcome.Error?.Message}");
            return;
        }
        throw new BenchException("the engine ended in the middle of a run");
    }

    // The worker's build puts the engine beside itself; this one's is beside the benchmark.
    private static string EnginePath() => Path.Combine(AppContext.BaseDirectory, "Flows.Engine");

    /// <param name="program">Counts only processes of this program.</param>
    private static string Memory(string what, int root, string? program = null)
    {
        long resident = 0, share = 0;
        foreach (var id in ProcessTree.Ids(root).Where(id => program is null || File.ReadAllText($"/proc/{id}/comm").Trim() == program))
        {
            resident += long.Parse(File.ReadAllText($"/proc/{id}/statm").Split(' ')[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;
            share += File.ReadLines($"/proc/{id}/smaps_rollup").Where(line => line.StartsWith("Pss:", StringComparison.Ordinal))
                .Sum(line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) << 10);
        }
        return Text($"| {what} | {resident / 1048576.0:0.0} | {share / 1048576.0:0.0} |");
    }

    private static string Row(string what, List<double> values) => Text($"| {what} | {Median(values):0.0} | {values.Min():0.0} | {values.Max():0.0} |");

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
