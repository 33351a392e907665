namespace Flows.Tests.Worker;

/// <summary>
/// An engine that does what a "definition" tells it to, for all that a real engine must never do. Each operation is one object:
/// line, barrier, respond, code, crash, garbage, hang, spawn, stderr, memory, log, unread. A run ends as Succeeded with the engine's process id.
/// </summary>
internal static class ScriptedEngine
{
    /// <summary>Writes the engine and its code runner into a folder of their own.</summary>
    /// <returns>The path for Flows:Engine:Path.</returns>
    public static string Create(bool ignoresEndOfInput = false, string codeRunner = CodeRunner)
    {
        var folder = Directory.CreateTempSubdirectory("flows-scripted-engine-").FullName;
        var path = Path.Combine(folder, "engine.mjs");
        File.WriteAllText(path, Source.Replace("IGNORES_END", ignoresEndOfInput ? "true" : "false", StringComparison.Ordinal));
        File.WriteAllText(Path.Combine(folder, "code-runner.mjs"), codeRunner);
        return Executable(path);
    }

    /// <summary>Writes a program of a test's own into such a folder.</summary>
    /// <returns>The path of an executable, which <see cref="Delete"/> removes.</returns>
    public static string CreateProgram(string text)
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("flows-scripted-engine-").FullName, "program");
        File.WriteAllText(path, text);
        return Executable(path);
    }

    /// <summary>Removes what <see cref="Create"/> or <see cref="CreateProgram"/> wrote; leaves anything else alone.</summary>
    public static void Delete(string path)
    {
        if (Path.GetFileName(Path.GetDirectoryName(path))!.StartsWith("flows-scripted-engine-", StringComparison.Ordinal))
            Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    /// <summary>Lets the file be started.</summary>
    public static string Executable(string path)
    {
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);
        return path;
    }

    private const string Frames = """
        import { spawn } from 'node:child_process';
        let buffer = Buffer.alloc(0), waiters = [], frames = [], ended = false;
        process.stdin.on('data', chunk => {
          buffer = Buffer.concat([buffer, chunk]);
          while (buffer.length >= 5 && buffer.length >= 4 + buffer.readUInt32LE(0)) {
            const length = buffer.readUInt32LE(0);
            frames.push({ type: buffer[4], body: JSON.parse(buffer.subarray(5, 4 + length).toString()) });
            buffer = buffer.subarray(4 + length);
          }
          pump();
        });
        process.stdin.on('end', () => { ended = true; pump(); });
        const pump = () => {
          while (waiters.length && (frames.length || ended)) waiters.shift()(frames.shift() ?? null);
        };
        const read = () => new Promise(resolve => { waiters.push(resolve); pump(); });
        const write = (type, body) => {
          const json = Buffer.from(JSON.stringify(body));
          const head = Buffer.alloc(5);
          head.writeUInt32LE(json.length + 1, 0);
          head[4] = type;
          process.stdout.write(Buffer.concat([head, json]));
        };

        """;

    private const string Source = "#!/usr/bin/env node\n" + Frames + """
        const known = new Map();
        write(1, { protocol: 1, version: 'scripted' });
        for (;;) {
          const frame = await read();
          if (frame === null) {
            if (IGNORES_END) for (;;) ;
            process.exit(0);
          }
          if (frame.type === 37) {
            const { part, callId } = frame.body;
            if (part === 'token' && frame.body.connection?.accessToken !== 'good') {
              write(7, { callId, error: { code: 'unauthorized', message: 'scripted.token: not with ' + frame.body.connection?.accessToken + '.' } });
              continue;
            }
            if (part === 'hang') for (;;) ;
            if (part === 'crash') process.exit(3);
            if (part === 'garbage') process.stdout.write('<html>this is not a frame</html>');
            write(7, { callId: part === 'other' ? frame.body.flowId : callId, events: { items: [{ key: 'pid', output: { pid: process.pid } }] } });
            continue;
          }
          if (frame.type !== 32) continue;
          const run = frame.body;
          if (run.definition) known.set(run.versionId, run.definition);
          const definition = known.get(run.versionId);
          let sequence = 0, code = 0, output = { pid: process.pid, fresh: !!run.definition, env: Object.keys(process.env).sort(), durable: [] };
          for (const op of definition.script ?? []) {
            if (op.line) {
              const step = { path: op.line, name: op.line, kind: 'action', status: op.status ?? 'Running', effect: 'Pure', attempt: 1, startedAt: new Date().toISOString() };
              if (op.pid) step.output = { pid: process.pid };
              if (op.output !== undefined) step.output = op.output;
              write(2, { sequence: ++sequence, barrier: !!op.barrier, steps: [step] });
              if (op.barrier) {
                const answer = await read();
                if (answer === null) process.exit(0);
                output.durable.push(answer.body.sequence);
              }
            }
            if (op.respond) write(3, op.respond);
            if (op.code) {
              write(4, { callId: ++code, stepName: 'code', language: op.language ?? 'javascript', source: op.code, input: op.input ?? {}, timeoutMs: op.timeoutMs ?? 10000 });
              const answer = await read();
              if (answer === null) process.exit(0);
              output.code = answer.body;
            }
            if (op.stderr) process.stderr.write('e'.repeat(op.stderr));
            if (op.log) write(2, { sequence: ++sequence, barrier: false, steps: [{ path: 'log' + sequence, name: 'log', kind: 'action', status: 'Succeeded', effect: 'Pure', attempt: 1, startedAt: new Date().toISOString(), output: 'x'.repeat(op.log) }] });
            if (op.spawn) {
              const child = spawn('sleep', ['300'], { stdio: 'inherit', detached: !!op.detached });
              write(2, { sequence: ++sequence, barrier: true, steps: [{ path: 'spawned', name: 'spawned', kind: 'action', status: 'Running', effect: 'Pure', attempt: 1, startedAt: new Date().toISOString(), output: { engine: process.pid, child: child.pid } }] });
              await read();
            }
            if (op.crash !== undefined && (!op.firstAttemptOnly || run.attempt === 1)) { process.stderr.write(op.says ?? ''); await new Promise(done => setTimeout(done, 20)); process.exit(op.crash); }
            if (op.garbage) process.stdout.write('<html>this is not a frame</html>');
            if (op.hang) for (;;) ;
            if (op.idle) await new Promise(done => setTimeout(done, op.idle));
          }
          write(5, { runId: run.runId, outcome: { status: 'Succeeded', output } });
        }
        """;

    /// <summary>Runs the source as the body of a function of <c>input</c>, in the process itself.</summary>
    public const string CodeRunner = Frames + """
        write(64, { protocol: 1, runtime: process.version });
        for (;;) {
          const frame = await read();
          if (frame === null) process.exit(0);
          try {
            const output = await new Function('input', frame.body.source)(frame.body.input);
            write(66, { output: output ?? null });
          } catch (error) {
            write(66, { error: { code: 'code_error', message: String(error.message) } });
          }
        }
        """;
}
