using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Aspire.Hosting;

namespace Flows.LocalHosting.Storage;

/// <summary>
/// The folder of everything that one running application writes: server data, secrets, logs. One application at a time;
/// an ephemeral one is a fresh temporary folder that goes with the application, however that ends.
/// </summary>
internal sealed class DataDirectory : IDisposable
{
    private const UnixFileMode Folder = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        // A server that runs as another user has to pass through; what is secret is closed file by file.
        | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    private const string TemporaryPrefix = "flows-apphost-";

    private static readonly TimeSpan ForgottenAfter = TimeSpan.FromHours(1);

    private FileStream? held;

    private DataDirectory(string path, bool ephemeral)
    {
        Path = System.IO.Path.GetFullPath(path);
        IsEphemeral = ephemeral;
        Id = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Path)))[..16];
        CreateFolder(Path);
    }

    public string Path { get; }
    public bool IsEphemeral { get; }
    /// <summary>Names this folder wherever its path cannot be used: marks its processes, names its folders elsewhere.</summary>
    public string Id { get; }

    public static DataDirectory At(string path) => new(path, ephemeral: false);

    public static DataDirectory Temporary()
    {
        RemoveForgotten();
        return new(Directory.CreateTempSubdirectory(TemporaryPrefix).FullName, ephemeral: true);
    }

    public string Under(params ReadOnlySpan<string> parts) => System.IO.Path.Combine([Path, .. parts]);

    /// <summary>Makes a folder that others may pass through but not list.</summary>
    public static string CreateFolder(string path)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else if (!Directory.Exists(path))
            Directory.CreateDirectory(path, Folder);
        else if (path.StartsWith(System.IO.Path.GetTempPath() + TemporaryPrefix, StringComparison.Ordinal))
            File.SetUnixFileMode(path, Folder);
        return path;
    }

    /// <summary>Makes a folder that only its owner may enter.</summary>
    public static string CreatePrivateFolder(string path)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }

    /// <summary>Makes this process the one that uses the folder. The system lets go of the lock when the process ends, however it ends.</summary>
    /// <exception cref="DistributedApplicationException">Another process holds it.</exception>
    public void Lock()
    {
        var file = Under("lock");
        try
        {
            held = new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException error)
        {
            throw new DistributedApplicationException(
                $"{Path} is in use by another running application (process {LastHolder() ?? "unknown"}). " +
                "Stop that one first, or give this one a folder of its own with Flows__DataDirectory.", error);
        }
        // Beside the lock and not in it: a locked file cannot be read.
        File.WriteAllText(Under("lock.pid"), Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
    }

    public void Dispose()
    {
        held?.Dispose();
        held = null;
        // The reaper has removed it already, unless nothing was ever started.
        if (IsEphemeral && Directory.Exists(Path))
            Directory.Delete(Path, recursive: true);
    }

    /// <summary>Folders of applications that were killed before they had a reaper to remove them.</summary>
    private static void RemoveForgotten()
    {
        foreach (var folder in new DirectoryInfo(System.IO.Path.GetTempPath()).GetDirectories($"{TemporaryPrefix}*"))
        {
            try
            {
                var lockFile = new FileInfo(System.IO.Path.Combine(folder.FullName, "lock"));
                if (TimeProvider.System.GetUtcNow() - folder.LastWriteTimeUtc < ForgottenAfter)
                    continue;
                if (lockFile.Exists)
                    lockFile.Open(FileMode.Open, FileAccess.ReadWrite, FileShare.None).Dispose(); // refused while it is in use
                folder.Delete(recursive: true);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // In use, somebody else's, or being removed at this moment: not ours to remove.
            }
        }
    }

    private string? LastHolder() => File.Exists(Under("lock.pid")) ? File.ReadAllText(Under("lock.pid")) : null;
}
