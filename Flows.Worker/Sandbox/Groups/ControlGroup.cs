using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Flows.Worker.Sandbox.Groups;

/// <summary>
/// What the kernel holds one child to, with everything it starts, wherever that goes: memory with the files it has in memory, and processes with their threads.
/// https://docs.kernel.org/admin-guide/cgroup-v2.html and …/cgroup-v1/memory.html have the files.
/// </summary>
internal sealed class ControlGroup(int version, IReadOnlyList<string> folders)
{
    private const int KillSignal = 9;
    private static readonly TimeSpan s_emptyTime = TimeSpan.FromSeconds(5), s_emptyPause = TimeSpan.FromMilliseconds(20);

    private SafeFileHandle? _events;

    /// <summary>The limit of memory that was set.</summary>
    public long Bytes { get; private set; }

    /// <summary>Files to which a process writes "0" to be in the group.</summary>
    public IReadOnlyList<string> JoinFiles => [.. folders.Select(folder => Path.Combine(folder, "cgroup.procs"))];

    /// <summary>The most memory that the group has had; 0 when the kernel does not say.</summary>
    public long PeakBytes =>
        long.TryParse(Read(version == 2 ? "memory.peak" : "memory.max_usage_in_bytes"), NumberStyles.None, CultureInfo.InvariantCulture, out var peak) ? peak : 0;

    /// <summary>How many of its processes the kernel has killed because it had no memory left. The number is there before the process is gone.</summary>
    public long MemoryKills
    {
        get
        {
            try
            {
                Span<byte> text = stackalloc byte[512];
                // Kept open: every run asks, and asking through an open file costs a fortieth.
                var length = RandomAccess.Read(_events ??= File.OpenHandle(Path.Combine(folders[0], version == 2 ? "memory.events" : "memory.oom_control")), text, 0);
                return CountIn(Encoding.ASCII.GetString(text[..length]));
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or ObjectDisposedException)
            {
                return 0; // the group is gone
            }
        }
    }

    /// <exception cref="IOException">The system refuses it.</exception>
    internal void Make(long bytes, int tasks)
    {
        try
        {
            foreach (var folder in folders)
                Directory.CreateDirectory(folder);
            Bytes = bytes;
            var text = bytes.ToString(CultureInfo.InvariantCulture);
            Write(0, version == 2 ? "memory.max" : "memory.limit_in_bytes", text);
            // No more of it in swap: the limit is of memory altogether. Not every kernel counts swap.
            WriteIfThere(version == 2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes", version == 2 ? "0" : text);
            // Half a program is of no use to anybody.
            WriteIfThere("memory.oom.group", "1");
            if (File.Exists(Path.Combine(folders[^1], "pids.max")))
                Write(folders.Count - 1, "pids.max", tasks.ToString(CultureInfo.InvariantCulture));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Remove();
            throw;
        }
    }

    /// <summary>Kills all that is in it, also what has left its parent and its session. Returns at once.</summary>
    public void Kill()
    {
        try
        {
            if (version == 2 && File.Exists(Path.Combine(folders[0], "cgroup.kill")))
            {
                Write(0, "cgroup.kill", "1");
                return;
            }
            foreach (var id in File.ReadLines(Path.Combine(folders[0], "cgroup.procs")))
                _ = Signal(int.Parse(id, CultureInfo.InvariantCulture), KillSignal);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The group is gone.
        }
    }

    /// <summary>Takes it away once its last process is gone, which may be a moment after it was killed. What does not end in time is left to the next start.</summary>
    public async Task RemoveAsync()
    {
        for (var waited = TimeSpan.Zero; !Remove() && waited < s_emptyTime; waited += s_emptyPause)
        {
            Kill();
            await Task.Delay(s_emptyPause);
        }
    }

    /// <summary>False while a process is in it.</summary>
    internal bool Remove()
    {
        _events?.Dispose();
        return folders.All(TryRemove);
    }

    internal static bool TryRemove(string folder)
    {
        try
        {
            Directory.Delete(folder);
            return true;
        }
        catch (DirectoryNotFoundException)
        {
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static long CountIn(string text)
    {
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            if (line.StartsWith("oom_kill ") && long.TryParse(line[9..], NumberStyles.None, CultureInfo.InvariantCulture, out var count))
                return count;
        }
        return 0;
    }

    private string Read(string file)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folders[0], file)).Trim();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private void WriteIfThere(string file, string text)
    {
        if (File.Exists(Path.Combine(folders[0], file)))
            Write(0, file, text);
    }

    private void Write(int folder, string file, string text) => File.WriteAllText(Path.Combine(folders[folder], file), text);

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Signal(int processId, int signal);
}
