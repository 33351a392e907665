#pragma warning disable RS0030 // Asks when a process was started, where there is no /proc to tell.
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Flows.LocalHosting.Processes;

/// <summary>Processes of an earlier application on the same data directory that nobody ended (the machine froze, the reaper was killed too).</summary>
internal static class Leftovers
{
    /// <summary>Ends every group of the run folder that is still the one written there, and every process that carries the mark.</summary>
    public static void End(string runFolder, string mark)
    {
        foreach (var file in Directory.GetFiles(runFolder))
        {
            // The number alone proves nothing: it may belong to somebody else by now.
            if (int.TryParse(Path.GetFileName(file), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && pid > 1
                && BirthOf(pid) is { } birth && birth == File.ReadAllText(file))
            {
                EndGroup(pid);
            }
            File.Delete(file);
        }
        foreach (var pid in Marked(mark))
            End(pid);
    }

    /// <summary>When the process was started; with the number it names one process for ever. Null when there is no such process.</summary>
    public static string? BirthOf(int pid)
    {
        if (!OperatingSystem.IsLinux())
            return BirthElsewhere(pid);
        try
        {
            // The name, in brackets, may hold blanks; the fields after it are: state, parent, group, … and 20th the start.
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] is "Z" or "X" ? null : fields[19];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string? BirthElsewhere(int pid)
    {
        try
        {
            using var process = Process.GetProcessById(pid);
            return process.HasExited ? null : process.StartTime.ToUniversalTime().Ticks.ToString(CultureInfo.InvariantCulture);
        }
        catch (Exception error) when (error is ArgumentException or InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    private static void EndGroup(int pid)
    {
        End(pid);
        Native.Send(-pid, Native.SigKill);
    }

    /// <summary>A server flushes on SIGINT; two servers must never share one data directory, so in the end it is killed.</summary>
    private static void End(int pid)
    {
        Native.Send(pid, Native.SigInt);
        if (!WaitForEnd(pid, TimeSpan.FromSeconds(5)))
        {
            Native.Send(pid, Native.SigKill);
            WaitForEnd(pid, TimeSpan.FromSeconds(5));
        }
    }

    private static bool WaitForEnd(int pid, TimeSpan limit)
    {
        using var never = new ManualResetEventSlim();
        for (var waited = TimeSpan.Zero; waited < limit; waited += TimeSpan.FromMilliseconds(20))
        {
            if (BirthOf(pid) is null)
                return true;
            never.Wait(TimeSpan.FromMilliseconds(20));
        }
        return BirthOf(pid) is null;
    }

    private static IEnumerable<int> Marked(string mark)
    {
        if (!Directory.Exists("/proc/self"))
            yield break;

        var wanted = Encoding.UTF8.GetBytes(mark);
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var pid)
                && pid != Environment.ProcessId && Carries(folder, wanted))
            {
                yield return pid;
            }
        }
    }

    private static bool Carries(string folder, byte[] mark)
    {
        try
        {
            return File.ReadAllBytes(Path.Combine(folder, "environ")).AsSpan().IndexOf(mark) >= 0;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false; // another user's, or gone
        }
    }
}
