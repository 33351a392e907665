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
        return StatOf($"/proc/{pid}") is { } fields && fields[0] is not ("Z" or "X") ? fields[19] : null;
    }

    /// <summary>Whether a process of this group is still at work. Those that have ended and only wait to be reaped do not count.</summary>
    public static bool HasLiving(int group)
    {
        // The cheap question first: it also counts the unreaped, so only a yes needs the look at each process.
        if (!Native.Send(-group, 0))
            return false;
        if (!OperatingSystem.IsLinux())
            return true;
        var wanted = group.ToString(CultureInfo.InvariantCulture);
        return Directory.EnumerateDirectories("/proc")
            .Where(folder => char.IsAsciiDigit(Path.GetFileName(folder)[0]))
            .Any(folder => StatOf(folder) is { } fields && fields[2] == wanted && fields[0] is not ("Z" or "X"));
    }

    /// <summary>The fields behind the name, which is in brackets and may hold blanks: state, parent, group, … and 20th the start.</summary>
    private static string[]? StatOf(string folder)
    {
        try
        {
            var stat = File.ReadAllText(Path.Combine(folder, "stat"));
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
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
