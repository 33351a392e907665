using System.Text.Json.Nodes;
using Flows.Api.Runs;
using Microsoft.OpenApi;

namespace Flows.Api.Reference;

/// <summary>What the parameters of addresses and queries mean, their limits, and an example of each.</summary>
internal static class ParameterWords
{
    private const string Id = "0199b3c1-7f2e-7c41-9d55-3f1f0b6f2a10";

    /// <param name="Min">Smallest number allowed.</param>
    private sealed record Words(string Means, string? Example = null, int? Min = null, int? Max = null, int? MaxLength = null, int? Default = null, string[]? OneOf = null);

    // By name, or by path and name where one name means several things.
    private static readonly Dictionary<string, Words> s_words = new(StringComparer.OrdinalIgnoreCase)
    {
        ["limit"] = new("Items of a page.", "20", 1, PageQuery.MaximumLimit, Default: 50),
        ["/api/v1/runs/{runId}/steps limit"] = new("Steps of a page.", "100", 1, 500, Default: 500),
        ["/api/v1/runs/{runId}/steps/history limit"] = new("Lines of a page.", "100", 1, 500, Default: 500),
        ["cursor"] = new("The `nextCursor` of the page before; left out for the first."),
        ["wait"] = new("Seconds to wait for the end of the run; left out, the answer comes at once.", "30", 1, 900),
        ["lax"] = new("Saves an incomplete draft as well; its problems are in the answer.", "true"),
        ["version"] = new("Number of the version; left out, the draft.", "2", 1),
        ["number"] = new("Number of the version.", "2", 1),
        ["/api/v1/flows/{id}/versions/{from}/diff/{to} from"] = new("What to compare from: the number of a version, `published` or `draft`.", "1"),
        ["/api/v1/flows/{id}/versions/{from}/diff/{to} to"] = new("What to compare to: the number of a version, `published` or `draft`.", "draft"),
        ["q"] = new("A part of the error's message, with at least three letters or digits in a row; without `from`, of the last 31 days.", "timed out", MaxLength: 200),
        ["/api/v1/flows q"] = new("A part of the name or the key, in small or capital letters.", "order", MaxLength: 200),
        ["folder"] = new("The id of a folder, or `none` for flows that lie in none.", "none"),
        ["tag"] = new("Only what has this tag.", "shop"),
        ["/api/v1/flows tag"] = new("Only flows with this tag; several, with commas between or as the parameter several times: with all of them.", "shop"),
        ["state"] = new("`enabled`: published and switched on; `disabled`: switched off; `unpublished`: never published.", "enabled", OneOf: ["enabled", "disabled", "unpublished"]),
        ["recent"] = new("How many of each flow's newest runs of the last 30 days are shown with it.", "5", 0, 50, Default: 0),
        ["flow"] = new("Only runs of this flow.", Id),
        ["status"] = new("Statuses with commas between, or the parameter several times.", "Failed"),
        ["from"] = new("At or after this moment.", "2026-03-01T00:00:00Z"),
        ["to"] = new("Before this moment.", "2026-04-01T00:00:00Z"),
        ["action"] = new("A word or its start: `flow` or `flow.published`.", "flow.published"),
        ["actor"] = new("The id of a user or a key.", Id),
        ["target"] = new("What it was done to: its kind and its id.", $"flow:{Id}"),
        ["token"] = new("The token of the link; the link is made by a run and cannot be put together by hand.", "AZmzwX8ufEGdVT8fC28qEA"),
        ["name"] = new("Name of the piece.", "slack", MaxLength: 100),
        ["trigger"] = new("Name of the trigger.", "new_message", MaxLength: 100),
        ["key"] = new("The key: letters, digits and `_`, not beginning with a digit.", "shop", MaxLength: 100),
        ["only"] = new("True does the step alone: what it uses comes from samples.", "true"),
        ["pinned"] = new("False runs pinned steps as well.", "false"),
        ["samples"] = new("True adds the samples of the steps.", "true"),
        ["buckets"] = new("Parts that the time is cut into.", "48", 1, RunChart.MostBuckets, Default: RunChart.UsualBuckets),
        ["step"] = new("Name of the step.", "charge", MaxLength: 100),
        ["path"] = new("Path of the step in the journal; a `/` in it is written `%2F`.", "charge"),
        ["part"] = new("Which part of it.", "output", OneOf: ["input", "output", "error"]),
        ["fileId"] = new("Id of the file, as in the step's output.", "0199b3c17f2e7c419d553f1f0b6f2a10-1"),
        ["valueId"] = new("Id of the value, as in the place that refers to it.", Id),
        ["flowId"] = new("Id of the flow.", Id),
        ["/api/v1/flows/{flowId}/runs flowId"] = new("Id of the flow.", Id),
        ["runId"] = new("Id of the run.", Id),
        ["userId"] = new("Id of the member.", Id),
        ["invitationId"] = new("Id of the invitation.", Id),
        ["hookId"] = new("Id of the address that was registered at the service.", Id),
    };

    /// <param name="path">Of the operation: <c>/api/v1/flows/{id}</c>.</param>
    public static void Describe(OpenApiParameter parameter, string path)
    {
        // Of several values there may be none: what the build makes of such a parameter says otherwise.
        if (parameter is { In: ParameterLocation.Query, Schema.Type: { } several } && several.HasFlag(JsonSchemaType.Array))
            parameter.Required = false;
        var name = parameter.Name ?? "";
        var words = s_words.GetValueOrDefault($"{path} {name}") ?? s_words.GetValueOrDefault(name) ?? (name == "id" ? new($"Id of the {OwnerOf(path)}.", Id) : null);
        if (words is null)
            return;
        parameter.Description ??= words.Means;
        if (parameter.Schema is not OpenApiSchema schema)
            return;
        (schema.Minimum, schema.Maximum) = (words.Min?.ToString() ?? schema.Minimum, words.Max?.ToString() ?? schema.Maximum);
        schema.MaxLength ??= words.MaxLength;
        schema.Default ??= words.Default is { } usual ? JsonValue.Create(usual) : null;
        if (words.OneOf is { } values)
            schema.Enum = [.. values.Select(value => (JsonNode)value)];
        if (words.Example is { } example)
            parameter.Example ??= Of(schema, example);
    }

    private static JsonNode Of(OpenApiSchema schema, string example) => schema.Type switch
    {
        { } type when type.HasFlag(JsonSchemaType.Array) => new JsonArray(example),
        { } type when type.HasFlag(JsonSchemaType.Integer) => JsonValue.Create(int.Parse(example)),
        { } type when type.HasFlag(JsonSchemaType.Boolean) => JsonValue.Create(bool.Parse(example)),
        _ => JsonValue.Create(example),
    };

    // The word before {id}: of /api/v1/api-keys/{id} it is "API key".
    private static string OwnerOf(string path)
    {
        var segments = path.Split('/');
        var owner = segments[Array.IndexOf(segments, "{id}") - 1];
        return owner switch { "api-keys" => "API key", "deleted" => "deleted flow", _ => owner.TrimEnd('s') };
    }
}
