#pragma warning disable RS0030 // This file starts the worker's executable and ends it.
using System.Diagnostics;
using System.Text;

namespace Flows.Tests.Worker;

/// <summary>The worker's real executable. Killed when disposed, and a scripted engine that it was given goes with it.</summary>
internal sealed class WorkerProcess : IDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();

    private readonly string _engine;

    private WorkerProcess(Process process, string engine)
    {
        (_process, _engine) = (process, engine);
        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Id => _process.Id;

    /// <summary>What it has logged so far.</summary>
    public string Output
    {
        get
        {
            lock (_output)
                return _output.ToString();
        }
    }

    public static WorkerProcess Start(FakeApi api, string redis, string keyPrefix, string engine, params (string Name, string Value)[] environment)
    {
        var info = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "Flows.Worker"))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            Environment =
            {
                ["ASPNETCORE_URLS"] = "http://127.0.0.1:0",
                ["ConnectionStrings__redis"] = redis,
                ["Flows__Queue__KeyPrefix"] = keyPrefix,
                ["Flows__Api__Url"] = api.Url,
                ["Flows__Security__WorkerToken"] = FakeApi.Token,
                ["Flows__Engine__Path"] = engine,
            },
        };
        foreach (var (name, value) in environment)
            info.Environment[name] = value;
        return new WorkerProcess(Process.Start(info)!, engine);
    }

    public void Dispose()
    {
        _process.Kill(entireProcessTree: true);
        _process.Dispose();
        ScriptedEngine.Delete(_engine);
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        lock (_output)
            _output.AppendLine(line.Data);
    }
}
