using System.Runtime.InteropServices;

namespace Flows.LocalHosting.Processes;

/// <summary>The three calls of libc that .NET does not offer.</summary>
internal static partial class Native
{
    public const int SigInt = 2;
    public const int SigQuit = 3;
    public const int SigKill = 9;
    public const int SigTerm = 15;

    public static bool IsRoot => !OperatingSystem.IsWindows() && EffectiveUser() == 0;

    /// <summary>Sends a signal to a process, or with a negative number to a process group. False: there is none.</summary>
    public static bool Send(int pid, int signal) => Kill(pid, signal) == 0;

    public static bool Chown(string path, uint user, uint group) => ChangeOwner(path, user, group) == 0;

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "lchown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeOwner(string path, uint user, uint group);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();
}
