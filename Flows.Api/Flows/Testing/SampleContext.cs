using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Microsoft.EntityFrameworkCore;

namespace Flows.Api.Flows.Testing;

/// <summary>What the names in expressions mean in a preview, as a caller sends it.</summary>
/// <param name="Steps">Outputs by the names of their steps.</param>
/// <param name="Loop">By the name of each loop around the place: <c>{ item, index }</c>.</param>
internal sealed record SampleContext(IReadOnlyDictionary<string, JsonElement>? Steps = null, IReadOnlyDictionary<string, JsonElement>? Loop = null)
{
    private static readonly JsonElement s_mask = JsonElement.Parse("\"••••••\"");

    /// <summary>The trigger's output; may be left out.</summary>
    public JsonElement Trigger { get; init; }

    /// <summary>What <c>errors</c> is; may be left out.</summary>
    public JsonElement Errors { get; init; }

    public static SampleContext Of(IEnumerable<FlowSample> samples)
    {
        var outputs = samples.ToDictionary(sample => sample.Step, sample => sample.Output.ToElement(), StringComparer.Ordinal);
        outputs.Remove(FlowSamples.Trigger, out var trigger);
        return new SampleContext(outputs) { Trigger = trigger };
    }

    /// <summary>With what the project adds. Of connections an engine is told the fields, and never what is in them.</summary>
    /// <param name="text">The expressions: what they do not name is not read.</param>
    public async Task<PreviewContext> CompleteAsync(Guid projectId, FlowsDb db, string text, bool withVariables, CancellationToken cancel)
    {
        var variables = new Dictionary<string, RawJson>(StringComparer.Ordinal);
        if (withVariables && text.Contains("vars", StringComparison.Ordinal))
        {
            foreach (var row in await db.Variables.AsNoTracking().Where(row => row.ProjectId == projectId).ToListAsync(cancel))
                variables[row.Key] = RawJson.Parse(row.Value);
        }
        var connections = new Dictionary<string, RawJson>(StringComparer.Ordinal);
        if (text.Contains("connections", StringComparison.Ordinal))
        {
            foreach (var row in await db.Connections.AsNoTracking().Where(row => row.ProjectId == projectId).Select(row => new { row.Key, row.Kind, row.Shown }).ToListAsync(cancel))
                connections[row.Key] = Masked(row.Kind, JsonElement.Parse(row.Shown));
        }
        return new PreviewContext(OrNull(Trigger), Raw(Steps), Raw(Loop), OrNull(Errors), variables, connections);
    }

    private static RawJson Masked(string kind, JsonElement shown)
    {
        var fields = shown.EnumerateObject().ToDictionary(field => field.Name, _ => s_mask, StringComparer.Ordinal);
        if (kind == "oauth2")
            fields["accessToken"] = s_mask;
        return RawJson.FromUtf8(JsonSerializer.SerializeToUtf8Bytes(fields));
    }

    private static RawJson? OrNull(JsonElement value) => value.ValueKind == JsonValueKind.Undefined ? null : RawJson.From(value);

    private static Dictionary<string, RawJson>? Raw(IReadOnlyDictionary<string, JsonElement>? values) =>
        values?.ToDictionary(pair => pair.Key, pair => RawJson.From(pair.Value), StringComparer.Ordinal);
}
