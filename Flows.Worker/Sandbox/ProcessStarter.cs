#pragma warning disable RS0030 // This file starts the child processes.
using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using Flows.Worker.Sandbox.Groups;

namespace Flows.Worker.Sandbox;

/// <summary>
/// Starts every child from one thread that lives as long as the worker. The kernel's parent-death signal fires when the thread that forked
/// is gone, not the process: children started from the thread pool would be killed whenever the pool shrinks.
/// </summary>
internal sealed class ProcessStarter : IDisposable
{
    private readonly BlockingCollection<Request> _requests = new(boundedCapacity: 1_000);

    private readonly ControlGroups? _groups;

    /// <param name="groups">Left out: children are in the worker's own control group.</param>
    public ProcessStarter(ControlGroups? groups = null)
    {
        _groups = groups;
        InheritedFiles.KeepFromChildren();
        new Thread(StartRequested) { IsBackground = true, Name = "Process starter" }.Start();
    }

    /// <summary>Starts the child with its three standard streams piped, in a control group of its own where it has limits and there are such groups.</summary>
    /// <returns>The group is the caller's to remove when the child is gone.</returns>
    /// <exception cref="ChildStartException">The operating system refused, e.g. because the program is not there.</exception>
    public Task<(Process Process, ControlGroup? Group)> StartAsync(LaunchCommand command)
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
            var process = new Process();
            ControlGroup? group = null;
            try
            {
                group = request.Command.Limits is { } limits ? _groups?.Create(limits) : null;
                process.StartInfo = StartInfo(group is null ? request.Command : request.Command.In(group));
                process.Start();
                request.Started.SetResult((process, group));
            }
            catch (ChildStartException error)
            {
                process.Dispose();
                request.Started.SetException(error);
            }
            catch (Exception error) when (error is Win32Exception or InvalidOperationException or IOException)
            {
                process.Dispose();
                group?.Remove();
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
        public TaskCompletionSource<(Process, ControlGroup?)> Started { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

/// <summary>A child process could not be started, or ended before it was ready.</summary>
internal sealed class ChildStartException(string message, Exception? inner = null) : Exception(message, inner);
