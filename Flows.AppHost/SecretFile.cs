namespace Flows.AppHost;

/// <summary>A secret of a developer's machine, made once and readable for its user only.</summary>
internal static class SecretFile
{
    public static string ReadOrMake(string file, Func<string> make)
    {
        if (File.Exists(file))
            return File.ReadAllText(file).Trim();

        var secret = make();
        Write(file, secret);
        return secret;
    }

    /// <exception cref="IOException">The file is there already: one that others can read must not become the place of a secret.</exception>
    public static void Write(string file, string secret)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var writer = new StreamWriter(file, options);
        writer.Write(secret);
    }
}
