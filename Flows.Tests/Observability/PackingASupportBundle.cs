#pragma warning disable RS0030 // The thing to be shown is a program.
using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using Flows.Tests.Language;

namespace Flows.Tests.Observability;

public sealed class PackingASupportBundle : IDisposable
{
    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("flows-bundle-");

    [Fact]
    public async Task It_holds_what_helps_and_no_secret()
    {
        string[] canaries = ["canary-generated-1", "canary/password+2=", "canary-encryption-3", "canary-url-4", "canary-apikey-5", "canary-bearer-6abc", "canary.exporter.7"];
        var logs = _data.CreateSubdirectory("logs");
        await File.WriteAllTextAsync(Path.Combine(_data.FullName, "secrets.json"), $"{{\n  \"Parameters:postgres-password\": \"{canaries[0]}\"\n}}");
        await File.WriteAllTextAsync(Path.Combine(_data.FullName, "api-key"), $"flk_{canaries[4]}");
        await File.WriteAllTextAsync(Path.Combine(logs.FullName, "api.log"), $"""
            12:00:00 info: the line that helps
            12:00:01 fail: {canaries[0]} twice {canaries[0]}, {canaries[1]}, {canaries[2]} and {canaries[6]}
            12:00:02 fail: redis://user:{canaries[3]}@elsewhere:6379 refused flk_{canaries[4]}
            12:00:03 fail: Authorization: Bearer {canaries[5]}

            """);

        var output = await RunAsync(new()
        {
            ["Flows__DataDirectory"] = _data.FullName,
            ["Flows__Worker__Concurrency"] = "7",
            ["Flows__Security__EncryptionKey"] = canaries[2],
            ["ConnectionStrings__flowsdb"] = $"Host=db;Username=flows;Password={canaries[1]}",
            ["ConnectionStrings__redis"] = $"redis://user:{canaries[3]}@host:6379",
            ["OTEL_EXPORTER_OTLP_HEADERS"] = $"x-key={canaries[6]}",
        });

        var bundle = Assert.Single(_data.GetFiles("flows-support-*.tar.gz"));
        var files = await ReadAsync(bundle.FullName);
        Assert.Contains("the line that helps", files["log-api.log"], StringComparison.Ordinal);
        Assert.Contains("redis://user:******@elsewhere:6379 refused", files["log-api.log"], StringComparison.Ordinal);
        Assert.Contains("Flows__Worker__Concurrency=7", files["settings.txt"], StringComparison.Ordinal);
        Assert.Contains("Flows__Security__EncryptionKey is set", files["settings.txt"], StringComparison.Ordinal);
        Assert.Contains("This machine", files["doctor.txt"], StringComparison.Ordinal);
        foreach (var name in new[] { "machine.txt", "version.txt", "metrics.txt", "health.json", "workers.json", "queue.json", "storage.json" })
            Assert.Contains(name, files.Keys);
        foreach (var canary in canaries)
        {
            Assert.DoesNotContain(canary, output, StringComparison.Ordinal);
            Assert.DoesNotContain(files, file => file.Value.Contains(canary, StringComparison.Ordinal));
        }
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(bundle.FullName));
    }

    public void Dispose() => _data.Delete(recursive: true);

    private static async Task<string> RunAsync(Dictionary<string, string> settings)
    {
        var start = new ProcessStartInfo("bash") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in new[] { Tree.PathOf("flows"), "doctor", "--bundle" })
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in settings)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var output = Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(120));
        var text = string.Concat(await output);
        Assert.True(process.ExitCode == 0, text);
        return text;
    }

    private static async Task<Dictionary<string, string>> ReadAsync(string path)
    {
        var files = new Dictionary<string, string>();
        await using var file = File.OpenRead(path);
        await using var unzipped = new GZipStream(file, CompressionMode.Decompress);
        await using var tar = new TarReader(unzipped);
        while (await tar.GetNextEntryAsync() is { } entry)
        {
            if (entry.DataStream is not { } data)
                continue;
            using var reader = new StreamReader(data);
            files[Path.GetFileName(entry.Name)] = await reader.ReadToEndAsync();
        }
        return files;
    }
}
