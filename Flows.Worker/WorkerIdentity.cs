using System.Reflection;

namespace Flows.Worker;

/// <summary>Who this worker is, new with each process.</summary>
internal sealed class WorkerIdentity(TimeProvider clock)
{
    public string Id { get; } = $"{Environment.MachineName}-{Environment.ProcessId}-{Guid.CreateVersion7(clock.GetUtcNow()):N}";
    public string Version { get; } = typeof(WorkerIdentity).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
    public DateTimeOffset StartedAt { get; } = clock.GetUtcNow();
}
