using System.Text.Json;
using Aspire.Hosting;

namespace Flows.LocalHosting.Storage;

/// <summary>Values made once and kept in secrets.json of the data directory.</summary>
internal sealed class SecretStore(DataDirectory data)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };
    private readonly Lock gate = new();

    public string GetOrAdd(string name, Func<string> make)
    {
        lock (gate)
        {
            var file = data.Under("secrets.json");
            var all = Read(file);
            if (all.TryGetValue(name, out var kept))
                return kept;

            var made = make();
            all[name] = made;
            PrivateFile.Write(file, JsonSerializer.Serialize(all, Indented));
            return made;
        }
    }

    private static SortedDictionary<string, string> Read(string file)
    {
        if (!File.Exists(file))
            return [];
        try
        {
            return JsonSerializer.Deserialize<SortedDictionary<string, string>>(File.ReadAllText(file)) ?? [];
        }
        catch (JsonException error)
        {
            // Made anew, the passwords would no longer open the servers whose data lies beside this file.
            throw new DistributedApplicationException($"{file} cannot be read: {error.Message}", error);
        }
    }
}
