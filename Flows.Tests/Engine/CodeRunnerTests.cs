using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Engine.CommandLine;
using Flows.Engine.Expressions;

namespace Flows.Tests.Engine;

/// <summary>The code runner in a real Node process: one for all tests here, as a worker keeps one for many calls.</summary>
public sealed class CodeRunnerTests(CodeRunnerTests.Runner runner) : IClassFixture<CodeRunnerTests.Runner>
{
    public sealed class Runner : IAsyncLifetime
    {
        internal NodeProcess Node { get; private set; } = null!;

        public async Task InitializeAsync() => Node = await NodeProcess.StartAsync(CancellationToken.None);

        public async Task DisposeAsync() => await Node.DisposeAsync();
    }

    private async Task<CodeResult> RunAsync(string source, string input = "{}")
    {
        var (result, isAlive) = await runner.Node.RunAsync(new CodeRequested(1, "total", "javascript", source, RawJson.Parse(input), 10_000), CancellationToken.None);
        Assert.True(isAlive, result.Error?.Message);
        return result;
    }

    [Theory]
    [InlineData("export default async ({ lines }) => lines.reduce((sum, l) => sum + l.qty * l.price, 0);", """{ "lines": [{ "qty": 2, "price": 1.5 }] }""", "3")]
    [InlineData("export default function (input) { return { ...input, b: undefined, c: null }; }", """{ "a": "ü" }""", """{"a":"ü","c":null}""")]
    [InlineData("export default () => {}", "{}", "null")]
    [InlineData("export default (x) => x.list instanceof Array && x.constructor === Object", """{ "list": [] }""", "true")]
    [InlineData("export default () => [typeof fetch, typeof process, typeof require].join()", "{}", "\"undefined,undefined,undefined\"")]
    [InlineData("export default () => [new URL('http://a/b?c=1').searchParams.get('c'), atob(btoa('x')), new TextDecoder().decode(new TextEncoder().encode('é')), structuredClone({ n: 1 }).n, Buffer.from('a').toString('hex'), typeof crypto.subtle]", "{}", """["1","x","é",1,"61","object"]""")]
    [InlineData("import { createHash } from 'node:crypto';\nexport default (x) => createHash('sha256').update(x.s).digest('hex').slice(0, 8)", """{ "s": "a" }""", "\"ca978112\"")]
    [InlineData("export default async () => (await import('path')).posix.join('a', 'b')", "{}", "\"a/b\"")]
    [InlineData("const shared = { k: 1 }; export default () => [shared, shared]", "{}", """[{"k":1},{"k":1}]""")]
    [InlineData("export default async () => { await new Promise((go) => setTimeout(go, 5)); return new Date(0); }", "{}", "\"1970-01-01T00:00:00.000Z\"")]
    public async Task Code_gives_what_it_returns(string source, string input, string output)
    {
        var result = await RunAsync(source, input);
        Assert.Null(result.Error);
        Assert.Equal(output, (result.Output ?? RawJson.Null).ToString()); // a null output does not survive the frame's optional field
    }

    [Theory]
    [InlineData("export default () => {\n  const a = null;\n  return a.b;\n}", "TypeError: Cannot read properties of null (reading 'b') (total.js:3:12)", 3, 12)]
    [InlineData("import x from 'path';\nexport default () => {\n  const a = ;\n}", "SyntaxError: Unexpected token ';' (total.js:3:13)", 3, 13)]
    [InlineData("const deep = (n) => n === 0 ? missing : deep(n - 1);\nexport default () => deep(3)", "ReferenceError: missing is not defined (total.js:1:31)", 1, 31)]
    [InlineData("export default () => new Promise(() => setTimeout(() => { throw new Error('late'); }, 1))", "Error: late (total.js:1:65)", 1, 65)]
    [InlineData("export default async () => { Promise.reject(new Error('stray')); await new Promise((go) => setTimeout(go, 5)); }", "Error: stray (total.js:1:45)", 1, 45)]
    public async Task An_error_tells_line_and_column_of_the_source(string source, string message, int line, int column)
    {
        var result = await RunAsync(source);
        Assert.Equal(("code_error", message), (result.Error!.Code, result.Error.Message));
        var detail = result.Error.Detail!.Value.ToElement();
        Assert.Equal((line, column), (detail.GetProperty("line").GetInt32(), detail.GetProperty("column").GetInt32()));
        Assert.All(detail.GetProperty("stack").EnumerateArray(), frame => Assert.Contains("total.js", frame.GetString(), StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("export default () => ({ a: [1n] })", "The code returned the BigInt 1n at 'result.a[0]', which JSON cannot hold.")]
    [InlineData("export default () => ({ f() {} })", "The code returned a function at 'result.f', which JSON cannot hold.")]
    [InlineData("export default () => { const a = {}; a.b = { a }; return a; }", "The code returned a value that contains itself at 'result.b.a', which JSON cannot hold.")]
    [InlineData("export default () => 0 / 0", "The code returned the number NaN at 'result', which JSON cannot hold.")]
    [InlineData("export default () => new Map()", "The code returned a Map (Object.fromEntries(map) makes an object of it) at 'result', which JSON cannot hold.")]
    [InlineData("export default () => { throw 'words'; }", "The code threw the text \"words\".")]
    [InlineData("const a = 1;", "The code has no function as its default export: write 'export default async (input) => { … }'.")]
    public async Task A_result_that_is_not_JSON_is_refused(string source, string message) =>
        Assert.Equal(message, (await RunAsync(source)).Error!.Message);

    [Theory]
    [InlineData("throw new Error('x'.repeat(1e7))")]
    [InlineData("throw 'x'.repeat(1e7)")]
    [InlineData("const error = new Error('x'); error.name = 'N'.repeat(1e7); throw error")]
    [InlineData("throw new Error('\\ud800' + '\\u{1F600}'.repeat(5000))")]
    [InlineData("throw { get name() { throw 1; } }")]
    public async Task What_is_thrown_is_told_at_a_length_that_can_be_read(string body)
    {
        var error = (await RunAsync($"export default () => {{ {body}; }}")).Error!;
        Assert.Equal("code_error", error.Code);
        Assert.InRange(error.Message.Length, 10, 4_200);
        Assert.InRange(error.Detail?.Length ?? 0, 0, 32_000);
    }

    [Fact]
    public async Task Half_of_a_pair_in_the_console_does_not_fail_the_step()
    {
        var result = await RunAsync("export default () => { console.log('a\\ud800b'); return 1; }");
        Assert.Equal(("1", "a\uFFFDb\n"), (result.Output.ToString(), result.Logs));
    }

    [Theory]
    [InlineData(56, null)]
    [InlineData(57, "The code returned a value that is nested more than 56 levels deep (limit: depth).")]
    [InlineData(100_000, "The code returned a value that is nested more than 56 levels deep (limit: depth).")]
    public async Task A_result_nests_as_deeply_as_a_value_of_the_engine_may(int levels, string? message)
    {
        var result = await RunAsync("export default ({ levels }) => { let deep = []; for (let i = 1; i < levels; i++) deep = i % 2 ? [deep] : { deep }; return deep; }", $$"""{ "levels": {{levels}} }""");
        Assert.Equal((message, message is null ? null : "limit"), (result.Error?.Message, result.Error?.Code));
        if (message is null)
            Assert.Equal(Value.MaxDepth, Value.FromJson(result.Output!.Value).Depth);
    }

    [Theory]
    [InlineData("import fs from 'node:fs'; export default () => 1", "node:fs")]
    [InlineData("import x from 'left-pad'; export default () => 1", "left-pad")]
    [InlineData("export default async () => (await import('child_process')).exec", "child_process")]
    [InlineData("import x from './other.js'; export default () => 1", "./other.js")]
    public async Task An_import_of_anything_but_a_pure_module_is_refused(string source, string specifier) =>
        Assert.StartsWith($"The import of '{specifier}' is not allowed: a code step may import only assert,", (await RunAsync(source)).Error!.Message, StringComparison.Ordinal);

    [Fact]
    public async Task The_console_goes_to_the_log_and_is_cut_at_64_KiB()
    {
        var small = await RunAsync("export default () => { console.log('n', { a: [1] }); console.warn('careful'); }");
        Assert.Equal("n { a: [ 1 ] }\nwarn: careful\n", small.Logs);

        var large = await RunAsync("export default () => { for (let i = 0; i < 2000; i++) console.log('é'.repeat(100)); return 1; }");
        Assert.Equal("1", large.Output.ToString());
        Assert.InRange(System.Text.Encoding.UTF8.GetByteCount(large.Logs!), 60_000, 64 * 1024);
        Assert.EndsWith("cut here, at 64 KiB.\n", large.Logs, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_large_input_and_output_go_through()
    {
        var text = new string('x', 12 * 1024 * 1024);
        var result = await RunAsync("export default (input) => input + input.length", $"\"{text}\"");
        Assert.Equal($"\"{text}{text.Length}\"", result.Output.ToString());
    }

    [Fact]
    public async Task Calls_leave_nothing_for_the_next()
    {
        await RunAsync("globalThis.left = 1; Object.prototype.left = 2; setInterval(() => { throw new Error('after'); }, 1); export default () => 1");
        Assert.Equal("[\"undefined\",\"undefined\"]", (await RunAsync("export default async () => { await new Promise((go) => setTimeout(go, 20)); return [typeof left, typeof ({}).left]; }")).Output.ToString());
    }

    [Fact]
    public async Task Endless_code_is_ended_at_its_timeout()
    {
        await using var node = await NodeProcess.StartAsync(CancellationToken.None);
        var (result, isAlive) = await node.RunAsync(new CodeRequested(1, "total", "javascript", "export default () => { for (;;); }", RawJson.Null, 300), CancellationToken.None);
        Assert.Equal(("timeout", false), (result.Error!.Code, isAlive));
    }

    [Fact]
    public async Task Code_that_takes_memory_without_end_is_ended_at_the_limit()
    {
        await using var node = await NodeProcess.StartAsync(CancellationToken.None);
        var (result, isAlive) = await node.RunAsync(
            new CodeRequested(1, "total", "javascript", "export default () => { const all = []; for (;;) all.push(new Array(1e6).fill(all.length)); }", RawJson.Null, 60_000), CancellationToken.None);
        Assert.Equal(("memory_limit", "the code needed more memory than the 512 MiB of heap that it may use.", false), (result.Error!.Code, result.Error.Message, isAlive));
    }

    [Fact]
    public async Task Code_that_was_given_up_does_not_answer_the_next_call()
    {
        await using var host = new CommandLineHost(TextWriter.Null, new LocalCalls(folder: null));
        Assert.Equal("1", (await host.RunCodeAsync(new CodeRequested(0, "first", "javascript", "export default () => 1", RawJson.Null, 60_000), CancellationToken.None)).Output.ToString());
        using var late = new CancellationTokenSource();
        var endless = host.RunCodeAsync(new CodeRequested(1, "a", "javascript", "export default () => { for (;;); }", RawJson.Null, 60_000), late.Token);
        await late.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => endless);
        var next = await host.RunCodeAsync(new CodeRequested(2, "b", "javascript", "export default () => 2", RawJson.Null, 60_000), CancellationToken.None);
        Assert.Equal("2", next.Output.ToString());
    }

    [Fact]
    public async Task A_warm_call_takes_few_milliseconds()
    {
        for (var i = 0; i < 20; i++)
            await RunAsync("export default async (i) => i.a + 1", """{ "a": 1 }""");
        var clock = System.Diagnostics.Stopwatch.StartNew();
        for (var i = 0; i < 100; i++)
            await RunAsync("export default async (i) => i.a + 1", """{ "a": 1 }""");
        Assert.InRange(clock.Elapsed.TotalMilliseconds / 100, 0, 250); // 0.6 on an idle machine; a start of Node for each would be more than this on any
    }
}
