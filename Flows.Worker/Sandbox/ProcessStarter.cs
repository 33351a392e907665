#pragma warning disable RS0030 // This file starts the child processes.
using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;

namespace Flows.Worker.Sandbox;

/// <summary>
/// Starts every child from one thread that lives as long as the worker. The kernel's parent-death signal fires when the thread that forked
/// is gone, not the process: children started from the thread pool would be killed whenever the pool shrinks.
/// </summary>
internal sealed class ProcessStarter : IDisposable
{
    private readonly BlockingCollection<Request> _requests = new(boundedCapacity: 1_000);

    public ProcessStarter() => new Thread(StartRequested) { IsBackground = true, Name = "Process starter" }.Start();

    /// <summary>Starts the child with its three standard streams piped.</summary>
    /// <exception cref="ChildStartException">The operating system refused, e.g. because the program is not there.</exception>
    public Task<Process> StartAsync(LaunchCommand command)
    {
        var request = new Request(command);
        try
        {
            _requests.Add(request);
        }
        catch (InvalidOperationException)
        {
            throw new ChildStartException("The worker is going down and starts no more processes.");
        }
        return request.Started.Task;
    }

    /// <summary>Ends the thread, and with it, on Linux, every child that is still there.</summary>
    public void Dispose() => _requests.CompleteAdding();

    private void StartRequested()
    {
        foreach (var request in _requests.GetConsumingEnumerable())
        {
            var process = new Process { StartInfo = StartInfo(request.Command) };
            try
            {
                process.Start();
                request.Started.SetResult(process);
            }
            catch (Exception error) when (error is Win32Exception or InvalidOperationException or IOException)
            {
                process.Dispose();
                request.Started.SetException(
                    new ChildStartException($"'{request.Command.Program}' could not be started: {error.Message}", error));
            }
        }
    }

    private static ProcessStartInfo StartInfo(LaunchCommand command)
    {
        var info = new ProcessStartInfo(command.Program, command.Arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            CreateNoWindow = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        info.Environment.Clear();
        foreach (var (name, value) in command.Environment)
            info.Environment[name] = value;
        return info;
    }

    private sealed record Request(LaunchCommand Command)
    {
        public TaskCompletionSource<Process> Started { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

/// <summary>A child process could not be started, or ended before it was ready.</summary>
internal sealed class ChildStartException(string message, Exception? inner = null) : Exception(message, inner);
