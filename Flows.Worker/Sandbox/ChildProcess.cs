#pragma warning disable RS0030 // This file owns the child processes.
using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Flows.Contracts.EngineProtocol;
using Flows.Worker.Sandbox.Groups;

namespace Flows.Worker.Sandbox;

/// <summary>
/// One child: its frames, what it complains about, and its end. Disposing it kills it, and everything it has started.
/// </summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private const int KillSignal = 9;
    private static readonly TimeSpan s_reapTime = TimeSpan.FromSeconds(5);

    private readonly Process _process;
    private readonly ErrorOutput _errors;
    private readonly Task _errorsRead;
    private int _killed;

    private ChildProcess(Process process, ControlGroup? group, ErrorOutput errors)
    {
        Group = group;
        _process = process;
        _errors = errors;
        Id = process.Id;
        Output = process.StandardOutput.BaseStream;
        Reader = new FrameReader(Output);
        Writer = new FrameWriter(process.StandardInput.BaseStream);
        _errorsRead = errors.ReadAsync(process.StandardError.BaseStream);
        Exited = process.WaitForExitAsync(CancellationToken.None);
    }

    public int Id { get; }
    /// <summary>What the kernel holds it to; null where it has no control group of its own.</summary>
    public ControlGroup? Group { get; }
    /// <summary>Its resident memory with all that it has started, when somebody last looked; 0 before.</summary>
    public long LastBytes { get; set; }
    /// <summary>Standard output, for a child that does not speak frames.</summary>
    public Stream Output { get; }
    public FrameReader Reader { get; }
    public FrameWriter Writer { get; }
    /// <summary>Completes, never faults, when the child itself is gone.</summary>
    public Task Exited { get; }
    /// <summary>False as soon as it was killed, even if the kernel is not done with it.</summary>
    public bool IsAlive => Volatile.Read(ref _killed) == 0 && !Exited.IsCompleted;

    /// <exception cref="ChildStartException">The operating system refused to start it.</exception>
    public static async Task<ChildProcess> StartAsync(ProcessStarter starter, LaunchCommand command, ILogger logger, LogLevel errorLevel)
    {
        var (process, group) = await starter.StartAsync(command);
        return new ChildProcess(process, group, new ErrorOutput(logger, errorLevel));
    }

    /// <summary>Kills the child and everything it has started. Returns at once; safe from any thread, and twice.</summary>
    public void Kill()
    {
        if (Interlocked.Exchange(ref _killed, 1) != 0)
            return;
        try
        {
            // The tree first, because the children of a dead parent are nobody's; then the group, for those whose own parent had died before.
            _process.Kill(entireProcessTree: true);
        }
        catch (Exception error) when (error is InvalidOperationException or Win32Exception or AggregateException)
        {
            // Already gone, or going.
        }

        // The group's id stays taken while it has a member, so this cannot hit a stranger while a member lives; an empty one is not found.
        if (LaunchCommand.HasOwnGroup)
            _ = KillGroup(-Id, KillSignal);
        // And those that had left both.
        Group?.Kill();
    }

    /// <summary>Lets the child end by itself: closes its input, waits, and kills what is left.</summary>
    public async Task CloseAsync(TimeSpan patience)
    {
        try
        {
            _process.StandardInput.Close();
            await Exited.WaitAsync(patience);
        }
        catch (Exception error) when (error is IOException or TimeoutException or ObjectDisposedException)
        {
            // The kill follows in any case.
        }
        await DisposeAsync();
    }

    /// <summary>How it ended, for messages: exit code and the last lines of its error output. Waits a moment for both.</summary>
    public async Task<ChildExit> GetExitAsync()
    {
        try
        {
            await Task.WhenAll(Exited, _errorsRead).WaitAsync(s_reapTime);
        }
        catch (TimeoutException)
        {
            // A grandchild may hold the pipe open; what was read so far has to do.
        }
        return new ChildExit(Exited.IsCompleted ? _process.ExitCode : null, _errors.Tail);
    }

    public async ValueTask DisposeAsync()
    {
        Kill();
        try
        {
            await Task.WhenAll(Exited, _errorsRead).WaitAsync(s_reapTime);
        }
        catch (TimeoutException)
        {
            // Killed, but not reaped yet (a process in uninterruptible sleep). The kernel finishes it without us.
        }
        // The writer is left to the garbage collector: a frame may still be on its way into the broken pipe.
        _process.Dispose();
        if (Group is not null)
            await Group.RemoveAsync();
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int KillGroup(int processId, int signal);
}

/// <param name="Code">Exit code; 128 + signal when a signal ended it; null when it is not gone yet.</param>
/// <param name="ErrorTail">The last of what it wrote to standard error.</param>
internal sealed record ChildExit(int? Code, string ErrorTail)
{
    /// <summary>The signal SIGXFSZ: a file grew over the limit of a box, see <see cref="Box"/>.</summary>
    public bool WroteTooMuch => Code == 128 + 25;

    /// <summary>.NET writes OutOfMemoryException or "Out of memory", Node.js "heap out of memory".</summary>
    public bool IsOutOfMemory =>
        ErrorTail.Contains("OutOfMemory", StringComparison.Ordinal) || ErrorTail.Contains("out of memory", StringComparison.OrdinalIgnoreCase);
}
