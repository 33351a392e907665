using System.Text.Json.Nodes;

namespace Flows.Api.Import;

/// <summary>Steps of pieces that need a connection, for the readers of foreign documents: secrets are in none of these.</summary>
internal static class ForeignService
{
    /// <summary>A key of a connection made of the name that it had there.</summary>
    public static string KeyOf(string? name, string otherwise)
    {
        var key = new string([.. (name ?? "").Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToLowerInvariant(c) : '_')]).Trim('_');
        while (key.Contains("__", StringComparison.Ordinal))
            key = key.Replace("__", "_", StringComparison.Ordinal);
        return key.Length is 0 or > 60 ? otherwise : char.IsAsciiDigit(key[0]) ? $"{otherwise}_{key}" : key;
    }

    /// <summary>The step, with the inputs that are there.</summary>
    public static JsonObject Of(string piece, string action, string connection, string step, List<ImportNote> notes, JsonObject input)
    {
        notes.Add(new ImportNote(step, $"Make a connection of the piece '{piece}' with the key '{connection}', or choose another: it was not in the document. What the step gives has the form of the piece here."));
        foreach (var (name, _) in input.Where(field => field.Value is null).ToList())
            input.Remove(name);
        return new JsonObject { ["kind"] = "action", ["piece"] = piece, ["action"] = action, ["connection"] = connection, ["input"] = input };
    }

    public static JsonObject Sql(string connection, string step, List<ImportNote> notes, JsonNode? sql, JsonNode? parameters, bool hasOthers)
    {
        if (hasOthers)
            notes.Add(new ImportNote(step, "The values of $1, $2 … are to be entered as a list."));
        var reads = ForeignJson.Scalar(sql)?.TrimStart() is { } text && text.StartsWith("SELECT", StringComparison.OrdinalIgnoreCase);
        return Of("postgres", reads ? "query" : "execute", connection, step, notes, new JsonObject { ["sql"] = sql, ["parameters"] = parameters });
    }
}
