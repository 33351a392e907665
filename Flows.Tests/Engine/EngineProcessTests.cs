// These tests are about the engine as a process: how it speaks on its pipes and how it ends. They start and end their own.
#pragma warning disable RS0030
using System.Diagnostics;
using System.Text.Json;
using Flows.Contracts.Definitions;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Engine.Pieces;

namespace Flows.Tests.Engine;

public sealed class EngineProcessTests : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);
    private readonly Process _engine;
    private readonly FrameReader _reader;
    private readonly FrameWriter _writer;

    public EngineProcessTests()
    {
        _engine = Start();
        _reader = new FrameReader(_engine.StandardOutput.BaseStream);
        _writer = new FrameWriter(_engine.StandardInput.BaseStream);
    }

    public void Dispose()
    {
        if (!_engine.HasExited)
            _engine.Kill();
        _writer.Dispose();
        _engine.Dispose();
    }

    private static Process Start(params string[] args)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var arg in args.Prepend(Path.Combine(AppContext.BaseDirectory, "Flows.Engine.dll")))
            start.ArgumentList.Add(arg);
        var process = Process.Start(start)!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        return process;
    }

    private async Task<T> ExpectAsync<T>(FrameType type, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> info)
    {
        var frame = await _reader.ReadAsync(default).AsTask().WaitAsync(s_limit);
        Assert.Equal(type, frame!.Value.Type);
        return frame.Value.Read(info);
    }

    private async Task StartAsync(string steps, Guid versionId = default, bool withDefinition = true)
    {
        var definition = RawJson.Parse($$"""{ "schema": 1, "trigger": { "piece": "manual", "event": "run" }, "steps": {{steps}} }""");
        await _writer.WriteAsync(FrameType.Start, new StartRun(
            Guid.CreateVersion7(), 1, Guid.CreateVersion7(), "test", versionId, RunEnvironment.Production, withDefinition ? definition : null,
            RawJson.Parse("""{ "n": 1 }"""), [], new Dictionary<string, RawJson>(), new Dictionary<string, RawJson>(), EngineLimits.Default),
            EngineJson.Default.StartRun, default);
    }

    private async Task<int> ExitCodeAsync()
    {
        await _engine.WaitForExitAsync().WaitAsync(s_limit);
        return _engine.ExitCode;
    }

    [Fact]
    public async Task It_is_ready_walks_run_after_run_and_ends_with_its_input()
    {
        var ready = await ExpectAsync(FrameType.Ready, EngineJson.Default.EngineReady);
        Assert.Equal(EngineReady.CurrentProtocol, ready.Protocol);

        for (var i = 0; i < 3; i++)
        {
            // The second and third time the engine is not sent what it already has.
            await StartAsync("""[{ "name": "a", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{trigger.n + 1}}" } }]""", withDefinition: i == 0);
            var lines = await ExpectAsync(FrameType.Journal, EngineJson.Default.JournalLines);
            Assert.Equal((1L, "a"), (lines.Sequence, Assert.Single(lines.Steps).Path));
            var finished = await ExpectAsync(FrameType.Finished, EngineJson.Default.RunFinished);
            Assert.Equal("2", finished.Outcome.Output.ToString());
        }
        _engine.StandardInput.Close();
        Assert.Equal(0, await ExitCodeAsync());
    }

    [Fact]
    public async Task Code_is_asked_for_and_a_barrier_is_waited_for()
    {
        await ExpectAsync(FrameType.Ready, EngineJson.Default.EngineReady);
        await StartAsync("""[{ "name": "sum", "kind": "code", "language": "javascript", "source": "s", "effect": "effect", "input": { "n": "{{trigger.n}}" } }, { "name": "answer", "kind": "respond", "body": "{{sum}}" }]""");

        var intent = await ExpectAsync(FrameType.Journal, EngineJson.Default.JournalLines);
        Assert.True(intent.Barrier);
        await _writer.WriteAsync(FrameType.Durable, new JournalDurable(intent.Sequence), EngineJson.Default.JournalDurable, default);

        var code = await ExpectAsync(FrameType.CodeRequested, EngineJson.Default.CodeRequested);
        Assert.Equal(("sum", "javascript", "s", """{"n":1}""", 60_000), (code.StepName, code.Language, code.Source, code.Input.ToString(), code.TimeoutMs));
        await _writer.WriteAsync(FrameType.CodeCompleted, new CodeCompleted(code.CallId, RawJson.Parse("42"), null, "log"), EngineJson.Default.CodeCompleted, default);

        await ExpectAsync(FrameType.Journal, EngineJson.Default.JournalLines);
        Assert.Equal("42", (await ExpectAsync(FrameType.Respond, EngineJson.Default.RunResponse)).Body.ToString());
        await ExpectAsync(FrameType.Journal, EngineJson.Default.JournalLines);
        Assert.Equal(RunStatus.Succeeded, (await ExpectAsync(FrameType.Finished, EngineJson.Default.RunFinished)).Outcome.Status);
    }

    [Fact]
    public async Task When_its_input_ends_in_the_middle_of_a_run_it_ends_at_once()
    {
        await ExpectAsync(FrameType.Ready, EngineJson.Default.EngineReady);
        await StartAsync("""[{ "name": "sum", "kind": "code", "language": "javascript", "source": "s" }]""");
        await ExpectAsync(FrameType.CodeRequested, EngineJson.Default.CodeRequested);
        _engine.StandardInput.Close();
        Assert.Equal(0, await ExitCodeAsync());
    }

    [Theory]
    [InlineData(new byte[] { 1, 2, 3 })]
    [InlineData(new byte[] { 255, 255, 255, 127, 32 })]
    [InlineData(new byte[] { 3, 0, 0, 0, 32, (byte)'{', (byte)'}' })]
    [InlineData(new byte[] { 3, 0, 0, 0, 5, (byte)'{', (byte)'}' })]
    public async Task Anything_but_the_protocol_ends_it_with_an_error(byte[] bytes)
    {
        await _engine.StandardInput.BaseStream.WriteAsync(bytes);
        _engine.StandardInput.Close();
        Assert.Equal(2, await ExitCodeAsync());
    }

    [Fact]
    public async Task It_describes_itself_as_a_catalogue()
    {
        using var describing = Start("--describe");
        var json = await describing.StandardOutput.ReadToEndAsync().WaitAsync(s_limit);
        var catalogue = JsonSerializer.Deserialize(json, CatalogueJson.Default.EngineCatalogue)!;
        Assert.Equal(PieceCatalog.All.Pieces.Select(piece => piece.Name), catalogue.Pieces.Select(piece => piece.Name));
        Assert.Equal(["action", "call", "code", "loop", "respond", "router", "stop", "wait"], catalogue.Kinds);
        Assert.NotEmpty(catalogue.Functions);
    }

    [Theory]
    [InlineData("--frobnicate")]
    [InlineData("--run")]
    [InlineData("--run", "/nowhere/flow.json")]
    public async Task A_wrong_command_line_exits_with_2(params string[] args)
    {
        using var wrong = Start(args);
        await wrong.WaitForExitAsync().WaitAsync(s_limit);
        Assert.Equal(2, wrong.ExitCode);
    }
}
