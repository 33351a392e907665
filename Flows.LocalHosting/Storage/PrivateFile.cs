using System.Text;

namespace Flows.LocalHosting.Storage;

/// <summary>Files that only their owner may read.</summary>
internal static class PrivateFile
{
    /// <summary>Writes beside the file and renames, so that a reader sees the old text or the new one and never half of it.</summary>
    public static void Write(string path, string text)
    {
        var beside = $"{path}.{Environment.ProcessId}.new";
        File.Delete(beside);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var stream = new FileStream(beside, options))
            stream.Write(Encoding.UTF8.GetBytes(text));
        File.Move(beside, path, overwrite: true);
    }
}
