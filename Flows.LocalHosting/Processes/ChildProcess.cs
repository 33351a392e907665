#pragma warning disable RS0030 // Child processes of the AppHost are started and ended here and nowhere else.
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Aspire.Hosting;

namespace Flows.LocalHosting.Processes;

/// <summary>
/// A running program in a session of its own, so that a Ctrl-C in the terminal does not reach it (it is stopped in order
/// instead) and so that it can be killed together with whatever it has started.
/// </summary>
internal sealed class ChildProcess : IDisposable
{
    private static readonly string? SetSid = Executables.OnPath("setsid");
    private static readonly string? SetPriv = Executables.OnPath("setpriv");

    private static readonly TimeSpan s_killTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(10);

    private readonly Process process;
    private readonly TaskCompletionSource<int> exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ProcessStart start;

    private ChildProcess(Process process, ProcessStart start)
    {
        this.process = process;
        this.start = start;
    }

    public int Pid { get; private set; }
    public int StopSignal => start.StopSignal;
    /// <summary>Completes with the exit code; 128 + n after signal n.</summary>
    public Task<int> Exited => exited.Task;
    /// <summary>Completes when every line of both outputs has been handed over: after the end of the program, and of whatever else holds its pipes.</summary>
    public Task OutputRead { get; private set; } = Task.CompletedTask;

    /// <param name="onLine">Gets every line of both outputs; the flag is true for the error output.</param>
    /// <exception cref="DistributedApplicationException">The program cannot be started.</exception>
    public static ChildProcess Start(ProcessStart start, Action<string, bool> onLine)
    {
        var command = new List<string>();
        if (SetSid is not null)
            command.Add(SetSid);
        if (start.User is { } user)
        {
            command.AddRange(SetPriv is not null
                ? [SetPriv, "--reuid", Number(user.Id), "--regid", Number(user.GroupId), "--clear-groups", "--"]
                : throw new DistributedApplicationException($"{start.File} must not run as root, and setpriv (Debian package util-linux), which starts it as '{user.Name}', is missing."));
        }
        command.Add(start.File);
        command.AddRange(start.Arguments);

        var info = new ProcessStartInfo(command[0], command.Skip(1))
        {
            WorkingDirectory = start.WorkingDirectory,
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        info.Environment.Clear();
        foreach (var (name, value) in start.Environment)
            info.Environment[name] = value;

        var process = new Process { StartInfo = info, EnableRaisingEvents = true };
        var child = new ChildProcess(process, start);
        process.Exited += (_, _) => child.exited.TrySetResult(process.ExitCode);
        try
        {
            process.Start();
        }
        catch (Win32Exception error)
        {
            process.Dispose();
            throw new DistributedApplicationException($"{start.File} cannot be started: {error.Message}", error);
        }
        child.Pid = process.Id;
        process.StandardInput.Close();
        child.OutputRead = Task.WhenAll(
            LineReader.ReadAsync(process.StandardOutput, line => onLine(line, false)),
            LineReader.ReadAsync(process.StandardError, line => onLine(line, true)));
        return child;
    }

    /// <summary>Asks the program to end, waits, then kills its whole group; also what an ended program left behind in it.</summary>
    public async Task StopAsync(TimeSpan patience)
    {
        if (!Exited.IsCompleted && OperatingSystem.IsWindows())
            process.Kill(entireProcessTree: true);
        else if (!Exited.IsCompleted)
            Native.Send(Pid, start.StopSignal);

        await ((Task)Exited).WaitAsync(patience).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await EndGroupAsync();
    }

    /// <summary>
    /// Kills what is left of the group and waits until the kernel is done with it: a signal only asks, and a successor must not find the
    /// old one's children still at work. Gives up after five seconds, when a process sits in the kernel and cannot die.
    /// </summary>
    public async Task EndGroupAsync()
    {
        KillGroup();
        await ((Task)Exited).WaitAsync(s_killTime).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        for (var waited = TimeSpan.Zero; waited < s_killTime && SetSid is not null && Leftovers.HasLiving(Pid); waited += s_look)
        {
            // Once more: a child may have been born between the look at the group and the signal.
            KillGroup();
            await Task.Delay(s_look);
        }
    }

    /// <summary>A group keeps its number while any of its processes lives, so this cannot hit a stranger.</summary>
    private void KillGroup()
    {
        if (SetSid is not null && Pid > 1)
            Native.Send(-Pid, Native.SigKill);
        else if (!Exited.IsCompleted)
            process.Kill(entireProcessTree: true);
    }

    public void Dispose() => process.Dispose();

    private static string Number(uint value) => value.ToString(CultureInfo.InvariantCulture);
}
