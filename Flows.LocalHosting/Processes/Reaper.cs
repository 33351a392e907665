#pragma warning disable RS0030 // The reaper is the process that outlives the AppHost to end the others.
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using Flows.LocalHosting.Storage;

namespace Flows.LocalHosting.Processes;

/// <summary>
/// Knows every process group that runs, here, on disk (for the next start of this application) and in a small shell
/// process that ends them all when this process is gone. See reaper.sh for what it is told.
/// </summary>
internal sealed class Reaper(DataDirectory data) : IAsyncDisposable
{
    /// <summary>In the environment of every child, with <see cref="DataDirectory.Id"/> as the value.</summary>
    public const string Mark = "FLOWS_APPHOST_MARK";

    private readonly Lock gate = new();
    private readonly Dictionary<int, int> groups = [];
    private Process? shell;
    private bool disposed;

    private string RunFolder => data.Under("run");

    /// <summary>Ends what an earlier application on this data directory left behind, then starts the shell process.</summary>
    public void Start()
    {
        DataDirectory.CreatePrivateFolder(RunFolder);
        Leftovers.End(RunFolder, $"{Mark}={data.Id}");
        lock (gate)
            StartShell();
    }

    public void Watch(ChildProcess child)
    {
        lock (gate)
        {
            groups[child.Pid] = child.StopSignal;
            Tell($"watch {child.Pid} {child.StopSignal}");
        }
        File.WriteAllText(RunFile(child.Pid), Leftovers.BirthOf(child.Pid) ?? "");
    }

    public void Forget(int pid)
    {
        lock (gate)
        {
            groups.Remove(pid);
            Tell($"forget {pid}");
        }
        File.Delete(RunFile(pid));
    }

    /// <summary>Lets the shell process do its work: end what is still there, remove an ephemeral folder.</summary>
    public async ValueTask DisposeAsync()
    {
        Process? last;
        lock (gate)
        {
            if (disposed)
                return;
            disposed = true;
            last = shell;
        }
        if (last is null)
            return;
        try
        {
            last.StandardInput.Close();
        }
        catch (IOException)
        {
            // It was killed; then there is nobody left to tell.
        }
        await last.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(10)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        last.Dispose();
    }

    private string RunFile(int pid) => Path.Combine(RunFolder, pid.ToString(CultureInfo.InvariantCulture));

    private void StartShell()
    {
        if (OperatingSystem.IsWindows())
            return;
        using var source = Assembly.GetExecutingAssembly().GetManifestResourceStream("reaper.sh")!;
        using var reader = new StreamReader(source);
        // In a session of its own: it must not go down with the terminal it was started from.
        var setsid = Executables.OnPath("setsid");
        string[] command = ["sh", "-c", reader.ReadToEnd(), "flows-reaper", data.Id];
        var info = new ProcessStartInfo(setsid ?? command[0], setsid is null ? command[1..] : command) { RedirectStandardInput = true };
        info.Environment.Remove(Mark);
        shell = new Process { StartInfo = info, EnableRaisingEvents = true };
        shell.Exited += (_, _) => Replace();
        shell.Start();
        shell.StandardInput.AutoFlush = true;
        if (data.IsEphemeral)
            Tell($"remove {data.Path}");
        foreach (var (pid, signal) in groups)
            Tell($"watch {pid} {signal}");
    }

    /// <summary>Somebody killed the shell process: without it a kill of this process would leave everything running.</summary>
    private void Replace()
    {
        lock (gate)
        {
            if (disposed)
                return;
            shell?.Dispose();
            StartShell();
        }
    }

    private void Tell(string line)
    {
        try
        {
            shell?.StandardInput.Write(line + "\n");
        }
        catch (IOException)
        {
            // It has just been killed; its successor is told everything.
        }
    }
}
