using System.Collections.Concurrent;
using System.Text.Json;
using Flows.Api.Runs;
using Flows.Contracts.Definitions;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Connections;

/// <summary>What each version uses of its project. Versions never change, so it is read off once; the memory is emptied when it is full.</summary>
internal sealed class VersionNeeds(NpgsqlDataSource db)
{
    private const int MostVersions = 20_000;
    private static readonly FlowNeeds s_nothing = new([], Variables: false);
    private readonly ConcurrentDictionary<Guid, FlowNeeds> _known = new();

    /// <summary>The needs of the versions, each once. One that is gone, or cannot be read, needs nothing.</summary>
    public async Task<IReadOnlyDictionary<Guid, FlowNeeds>> OfAsync(IEnumerable<Guid> versions, CancellationToken cancel)
    {
        var all = versions.Distinct().ToDictionary(version => version, version => _known.GetValueOrDefault(version));
        if (all.Where(entry => entry.Value is null).Select(entry => entry.Key).ToArray() is { Length: > 0 } unknown)
        {
            if (_known.Count + unknown.Length > MostVersions)
                _known.Clear();
            await using var command = db.CreateCommand("SELECT id, definition FROM flow_versions WHERE id = ANY($1)");
            command.Parameters.Add(RunSql.Array(unknown, NpgsqlDbType.Uuid));
            await using var row = await command.ExecuteReaderAsync(cancel);
            while (await row.ReadAsync(cancel))
            {
                using var document = JsonDocument.Parse(row.GetFieldValue<byte[]>(1));
                all[row.GetGuid(0)] = _known[row.GetGuid(0)] =
                    DefinitionReader.Read(document.RootElement, catalogue: null).Definition is { } definition ? FlowNeeds.Of(definition) : s_nothing;
            }
        }
        return all.ToDictionary(entry => entry.Key, entry => entry.Value ?? s_nothing);
    }
}
