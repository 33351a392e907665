using System.Runtime.InteropServices;

namespace Flows.Worker.Sandbox;

/// <summary>
/// Descriptors that this process was itself started with. The runtime opens its own so that no child gets them, but what a shell or a supervisor has left open
/// would go on to every child, into its box as well.
/// </summary>
internal static class InheritedFiles
{
    private const uint FirstAfterTheStandardOnes = 3;
    private const int CloseOnExec = 4; // close_range(2): CLOSE_RANGE_CLOEXEC

    /// <summary>None of those that are open now reaches a child. They stay open here.</summary>
    public static void KeepFromChildren()
    {
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            _ = CloseRange(FirstAfterTheStandardOnes, uint.MaxValue, CloseOnExec);
        }
        catch (EntryPointNotFoundException)
        {
            // A C library older than 2.34.
        }
    }

    [DllImport("libc", EntryPoint = "close_range")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int CloseRange(uint first, uint last, int flags);
}
