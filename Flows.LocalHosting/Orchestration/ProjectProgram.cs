using System.Reflection;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Flows.LocalHosting.Processes;

namespace Flows.LocalHosting.Orchestration;

/// <summary>What a project was built into, by the same configuration as the AppHost.</summary>
internal sealed record ProjectProgram(string File, IReadOnlyList<string> Arguments, string WorkingDirectory)
{
    /// <exception cref="DistributedApplicationException">It has not been built.</exception>
    public static ProjectProgram Find(ProjectResource project, Assembly appHost)
    {
        var path = project.Metadata.ProjectPath;
        var folder = Path.GetDirectoryName(path)!;
        var name = Path.GetFileNameWithoutExtension(path);
        var configuration = appHost.GetCustomAttribute<AssemblyConfigurationAttribute>()?.Configuration ?? "Debug";
        var output = Path.Combine(folder, "bin", configuration, $"net{Environment.Version.Major}.{Environment.Version.Minor}");

        var executable = Path.Combine(output, OperatingSystem.IsWindows() ? $"{name}.exe" : name);
        if (System.IO.File.Exists(executable))
            return new(executable, [], folder);
        var library = Path.Combine(output, $"{name}.dll");
        if (System.IO.File.Exists(library))
            return new(Executables.OnPath("dotnet") ?? "dotnet", [library], folder);
        throw new DistributedApplicationException(
            $"'{project.Name}' has not been built: {executable} does not exist. Run: dotnet build -c {configuration} {path}");
    }
}
