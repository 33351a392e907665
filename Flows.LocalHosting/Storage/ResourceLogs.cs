using System.Collections.Concurrent;

namespace Flows.LocalHosting.Storage;

/// <summary>The logs of all resources, by resource name.</summary>
internal sealed class ResourceLogs(DataDirectory data, SecretMask mask, TimeProvider clock) : IDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<ResourceLog>> logs = new();
    private readonly Lazy<string> folder = new(() => DataDirectory.CreatePrivateFolder(data.Under("logs")));

    public ResourceLog Of(string resource) =>
        logs.GetOrAdd(resource, name => new(() => new ResourceLog(Path.Combine(folder.Value, $"{name}.log"), mask, clock))).Value;

    public void Dispose()
    {
        foreach (var log in logs.Values)
            log.Value.Dispose();
    }
}
