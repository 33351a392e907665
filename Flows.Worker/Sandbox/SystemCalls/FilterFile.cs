using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Flows.Worker.Sandbox.SystemCalls;

/// <summary>
/// The filter of this process's architecture, in a file that is in memory only and that nobody can change any more. Children open it by
/// <see cref="Path"/>, each for itself: a descriptor that they shared would be read to its end by the first.
/// </summary>
internal static class FilterFile
{
    private const uint CloseOnExec = 1, AllowSealing = 2;
    private const int AddSeals = 1033, EverySeal = 0x1 | 0x2 | 0x4 | 0x8; // no more seals, no shrinking, no growing, no writing

    private static readonly Lazy<(SafeFileHandle? File, string? Problem)> s_file = new(Make);

    /// <summary>Why there is no filter, in words for the operator; null when there is one.</summary>
    public static string? Problem => s_file.Value.Problem;

    /// <summary>Readable for this process's own user, as long as the process lives.</summary>
    public static string Path => $"/proc/{Environment.ProcessId}/fd/{s_file.Value.File!.DangerousGetHandle()}";

    private static (SafeFileHandle?, string?) Make()
    {
        if (SystemCallList.Load(RuntimeInformation.ProcessArchitecture) is not { } list)
            return (null, $"there is no list of system calls for {RuntimeInformation.ProcessArchitecture}");
        var descriptor = CreateMemoryFile("flows-system-calls", CloseOnExec | AllowSealing);
        if (descriptor < 0)
            return (null, $"the kernel gives no file in memory for the filter (error {Marshal.GetLastPInvokeError()})");
        var file = new SafeFileHandle(descriptor, ownsHandle: true);
        RandomAccess.Write(file, FilterProgram.ToBytes(FilterProgram.Compile(list)), fileOffset: 0);
        return Control(descriptor, AddSeals, EverySeal) == 0 ? (file, null) : (null, $"the filter's file cannot be sealed (error {Marshal.GetLastPInvokeError()})");
    }

    [DllImport("libc", EntryPoint = "memfd_create", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int CreateMemoryFile([MarshalAs(UnmanagedType.LPUTF8Str)] string name, uint flags);

    [DllImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Control(int descriptor, int command, nint argument);
}
