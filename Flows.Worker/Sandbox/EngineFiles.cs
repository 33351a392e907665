using Microsoft.Extensions.Options;

namespace Flows.Worker.Sandbox;

/// <summary>Where the engine lies. Bound from "Flows:Engine".</summary>
public sealed class EngineOptions
{
    public const string Section = "Flows:Engine";

    /// <summary>The engine's executable, or its .dll. Empty: <c>engine/Flows.Engine</c> beside the worker's own files.</summary>
    public string Path { get; set; } = "";
}

/// <summary>The engine's folder, found once.</summary>
internal sealed class EngineFiles(IOptions<EngineOptions> options)
{
    /// <summary>Program and arguments that start an engine.</summary>
    public IReadOnlyList<string> Engine { get; } = Find(options.Value.Path) ?? throw new FileNotFoundException(Missing(options.Value.Path));

    /// <summary>Where all of it lies: what a box shows of this installation.</summary>
    public string Folder => System.IO.Path.GetDirectoryName(Engine[^1])!;

    /// <summary>The program that Node.js runs for code steps.</summary>
    public string CodeRunner => System.IO.Path.Combine(Folder, "code-runner.mjs");

    internal static string Missing(string configured) => configured.Length > 0
        ? $"{EngineOptions.Section}:Path is '{configured}', but there is no such file."
        : $"The engine is not at '{BesideTheWorker}'. Set {EngineOptions.Section}:Path to its executable.";

    internal static IReadOnlyList<string>? Find(string configured)
    {
        if (configured.Length > 0)
        {
            var path = System.IO.Path.GetFullPath(configured);
            return !File.Exists(path) ? null : path.EndsWith(".dll", StringComparison.Ordinal) ? ["dotnet", path] : [path];
        }

        var executable = OperatingSystem.IsWindows() ? BesideTheWorker + ".exe" : BesideTheWorker;
        if (File.Exists(executable))
            return [executable];
        return File.Exists(BesideTheWorker + ".dll") ? ["dotnet", BesideTheWorker + ".dll"] : null;
    }

    private static string BesideTheWorker { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, "engine", "Flows.Engine");
}

/// <summary>A worker without an engine must not start.</summary>
internal sealed class EnginePathCheck : IValidateOptions<EngineOptions>
{
    public ValidateOptionsResult Validate(string? name, EngineOptions options) =>
        EngineFiles.Find(options.Path) is null ? ValidateOptionsResult.Fail(EngineFiles.Missing(options.Path)) : ValidateOptionsResult.Success;
}
