using Flows.Contracts.Json;

namespace Flows.Worker.Api;

/// <summary>Definitions by version id. They never change, so what was fetched is kept: the last used, up to a number and a size.</summary>
internal sealed class FlowVersions(FlowsApi api)
{
    private const int MostVersions = 256;
    private const long MostBytes = 64L << 20;

    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _byUse = []; // last used first
    private long _bytes;

    /// <summary>The definition, from memory or from the API. Runs that ask for the same version at once share one call.</summary>
    /// <exception cref="ApiException">It could not be fetched; the next caller tries again.</exception>
    public async Task<RawJson> GetAsync(Guid versionId, CancellationToken cancel)
    {
        LinkedListNode<Entry>? node;
        lock (_lock)
        {
            if (_entries.TryGetValue(versionId, out node))
                _byUse.Remove(node);
            else
                _entries[versionId] = node = new LinkedListNode<Entry>(new Entry(versionId, Task.Run(() => FetchAsync(versionId), CancellationToken.None)));
            _byUse.AddFirst(node);
        }

        try
        {
            return await node.Value.Definition.WaitAsync(cancel);
        }
        catch (ApiException)
        {
            Forget(node);
            throw;
        }
    }

    private async Task<RawJson> FetchAsync(Guid versionId)
    {
        var definition = (await api.GetVersionAsync(versionId, CancellationToken.None)).Definition;
        lock (_lock)
        {
            if (!_entries.TryGetValue(versionId, out var node) || node.Value.Bytes > 0)
                return definition; // dropped, or fetched by somebody else, in the meantime
            node.Value.Bytes = definition.Length;
            _bytes += definition.Length;
            while (_byUse.Count > 1 && (_byUse.Count > MostVersions || _bytes > MostBytes))
                Forget(_byUse.Last!);
        }
        return definition;
    }

    private void Forget(LinkedListNode<Entry> node)
    {
        lock (_lock)
        {
            if (node.List is null)
                return;
            _byUse.Remove(node);
            _entries.Remove(node.Value.VersionId);
            _bytes -= node.Value.Bytes;
        }
    }

    private sealed class Entry(Guid versionId, Task<RawJson> definition)
    {
        public Guid VersionId { get; } = versionId;
        public Task<RawJson> Definition { get; } = definition;
        public long Bytes { get; set; }
    }
}
