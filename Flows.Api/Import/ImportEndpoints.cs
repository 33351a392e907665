using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Flows;
using Flows.Api.Flows.Testing;
using Flows.Contracts.Definitions;
using Flows.Contracts.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;
using JsonOptions = Microsoft.AspNetCore.Http.Json.JsonOptions;

namespace Flows.Api.Import;

/// <param name="Format"><c>flows</c>, <c>project</c>, <c>activepieces</c> or <c>n8n</c>: what the document was found to be.</param>
/// <param name="Project">What else the file of a project brought; only of such a file.</param>
internal sealed record ImportResult(
    string Format, IReadOnlyList<ImportedView> Flows, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ProjectImportView? Project = null);

/// <param name="Id">Of the flow that was made; its draft holds what was read, and nothing is published.</param>
/// <param name="Notes">What is not as it was, step by step.</param>
/// <param name="Warnings">What the check of the definition has to say.</param>
internal sealed record ImportedView(Guid Id, string Name, IReadOnlyList<ImportNote> Notes, IReadOnlyList<DefinitionProblem> Warnings);

/// <summary>The file of one flow: readable, without ids of this installation and without secrets, which a definition never holds.</summary>
/// <param name="Format">Always <see cref="CurrentFormat"/>.</param>
/// <param name="Samples">Only when they are asked for: by the names of steps.</param>
internal sealed record FlowExport(
    string Format, string Name, string? Key, JsonElement Definition, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyDictionary<string, ExportedSample>? Samples = null)
{
    public const string CurrentFormat = "flows/1";
}

/// <param name="Output">What the step, or the trigger, has given.</param>
/// <param name="Pinned">Test runs take it instead of doing the step.</param>
internal sealed record ExportedSample(JsonElement Output, bool Pinned);

/// <summary>Flows as files: our own, and those of two other platforms.</summary>
internal static class ImportEndpoints
{
    private const int MostFlows = 200;

    public static void MapImport(this IEndpointRouteBuilder api)
    {
        var flows = api.MapGroup("/flows").WithTags("Import and export").ProducesProblem(StatusCodes.Status400BadRequest);
        flows.MapPost("/import", Import).Requires(Permission.EditFlows).Audited("flow.imported").WithMetadata(new RequestSizeLimitAttribute(ProjectFile.MostBytes))
            .WithSummary("Make flows of a file: an export of a flow or of a whole project, a template or flow of Activepieces, or a workflow of n8n. The answer lists what is not as it was")
            .ProducesProblem(StatusCodes.Status409Conflict);
        flows.MapGet("/{id:guid}/export", Export).Requires(Permission.ReadFlows).WithSummary("The flow's draft, or with version=n that version, as a file that import takes; with samples=true also its samples, which hold data of runs")
            .ProducesProblem(StatusCodes.Status404NotFound);
        api.MapProjectExport();
    }

    private static async Task<Results<Ok<ImportResult>, ProblemHttpResult>> Import(
        JsonElement document, CurrentProject project, Caller caller, FlowsDb db, AuditTrail audit, FlowCatalogue catalogue, FlowSamples kept, TimeProvider clock,
        IOptions<JsonOptions> json, CancellationToken cancel)
    {
        var file = Parse(document);
        if (document.ValueKind == JsonValueKind.Object && document.TryGetProperty("format", out var told) && told.ValueKind == JsonValueKind.String && told.ValueEquals(ProjectExport.CurrentFormat))
            return await ImportProjectAsync(ReadProject(document, json.Value.SerializerOptions), new ProjectImport(db, audit, catalogue, project.Id, caller, clock.GetUtcNow()), cancel);

        string format;
        IReadOnlyList<ImportedFlow> read;
        try
        {
            if (file is not JsonObject root)
                return Problems.BadRequest("$", "A flow file is a JSON object.");
            (format, read) = Read(root);
        }
        catch (ImportException error)
        {
            return Problems.BadRequest("$", error.Message);
        }
        if (read.Count == 0)
            return Problems.BadRequest("$", "This is no file of Flows (format \"flows/1\" or a definition), no template or flow of Activepieces (trigger with settings), and no workflow of n8n (nodes and connections).");
        if (read.Count > MostFlows)
            return Problems.BadRequest("$.flows", $"The file holds {read.Count} flows; at most {MostFlows} are taken at once.");

        var (samples, sampleProblem) = format == "flows" ? SamplesIn(document) : ([], null);
        if (sampleProblem is not null)
            return sampleProblem;

        var now = clock.GetUtcNow();
        var views = new List<ImportedView>(read.Count);
        foreach (var flow in read)
        {
            // A file of our own is what its author wrote: a mistake in it is told, not mended.
            var problems = format == "flows" ? catalogue.Read(JsonSerializer.SerializeToElement(flow.Definition)).Problems : flow.Checked(catalogue.Read);
            if (problems.Any(problem => problem.Severity == ProblemSeverity.Error))
                return Problems.BadDefinition(problems.Select(problem => problem with { Path = format == "flows" ? "$.definition" + problem.Path[1..] : problem.Path }));
            var made = new Flow
            {
                Id = Guid.CreateVersion7(now),
                ProjectId = project.Id,
                Name = flow.Name.Trim() is { Length: > 0 } name ? name[..Math.Min(name.Length, 200)] : "Imported flow",
                Draft = flow.Definition.ToJsonString(Readable),
                CreatedAt = now,
                UpdatedAt = now,
            };
            db.Flows.Add(made);
            audit.Add(db, "flow.imported", $"flow:{made.Id}", after: new { made.Name, Format = format });
            views.Add(new ImportedView(made.Id, made.Name, flow.Notes, problems));
        }
        await db.SaveChangesAsync(cancel);
        // After the flow they belong to. If we die here it lacks some of them, and its tests do those steps.
        foreach (var (step, sample) in samples)
            await kept.PutAsync(views[0].Id, step, RawJson.From(sample.Output), sample.Pinned, fromRun: null, cancel);
        return TypedResults.Ok(new ImportResult(format, views));
    }

    // A name that is there twice would be found only when somebody looks into that object.
    private static JsonNode? Parse(JsonElement document)
    {
        try
        {
            return JsonNode.Parse(document.GetRawText(), documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false });
        }
        catch (JsonException error)
        {
            throw new BadHttpRequestException("The file cannot be read.", error);
        }
    }

    // What is wrong is told like what is wrong with any other body.
    private static ProjectExport ReadProject(JsonElement document, JsonSerializerOptions json)
    {
        try
        {
            return document.Deserialize<ProjectExport>(json)!;
        }
        catch (JsonException error)
        {
            throw new BadHttpRequestException("The file of a project cannot be read.", error);
        }
    }

    private static async Task<Results<Ok<ImportResult>, ProblemHttpResult>> ImportProjectAsync(ProjectExport file, ProjectImport import, CancellationToken cancel)
    {
        if (import.Check(file) is { Count: > 0 } problems)
            return Problems.BadRequest(problems.Count == 1 ? "The file has a problem." : $"The file has {problems.Count} problems.", problems);
        try
        {
            var (flows, rest) = await import.SaveAsync(file, cancel);
            return TypedResults.Ok(new ImportResult("project", flows, rest));
        }
        catch (ImportException error)
        {
            return Problems.Conflict(error.Message);
        }
        catch (DbUpdateException error) when (error.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
        {
            return Problems.Conflict("Somebody has made a flow, folder or variable of the same name meanwhile. Nothing was imported: try again.");
        }
    }

    /// <summary>The samples of a file of our own; those of steps that its definition does not have are left out.</summary>
    private static (IReadOnlyList<KeyValuePair<string, ExportedSample>> Samples, ProblemHttpResult? Problem) SamplesIn(JsonElement file)
    {
        if (!file.TryGetProperty("samples", out var samples) || samples.ValueKind == JsonValueKind.Null || !file.TryGetProperty("definition", out var definition))
            return ([], null);
        if (samples.ValueKind != JsonValueKind.Object)
            return ([], Problems.BadRequest("$.samples", "It must be an object: samples by the names of steps."));
        var draft = DraftOutline.Of(definition);
        var found = new List<KeyValuePair<string, ExportedSample>>();
        var bytes = 0L;
        foreach (var sample in samples.EnumerateObject())
        {
            if (sample.Value.ValueKind != JsonValueKind.Object || !sample.Value.TryGetProperty("output", out var output))
                return ([], Problems.BadRequest($"$.samples.{sample.Name}", "A sample is an object with output and pinned."));
            if (FlowSamples.Problem(output) is { } problem)
                return ([], Problems.BadRequest($"$.samples.{sample.Name}.output", problem));
            if (sample.Name != FlowSamples.Trigger && draft.Find(sample.Name) is not { Kind: not "stop" })
                continue;
            bytes += RawJson.From(output).Length;
            found.Add(new(sample.Name, new ExportedSample(output, sample.Value.TryGetProperty("pinned", out var pinned) && pinned.ValueKind == JsonValueKind.True)));
        }
        return bytes <= FlowSamples.MostBytesOfFlow && found.Count <= FlowSamples.MostOfFlow
            ? (found, null)
            : ([], Problems.BadRequest("$.samples", $"A flow has at most {FlowSamples.MostOfFlow} samples of {FlowSamples.MostBytesOfFlow >> 20} MiB together (limit: samples of a flow)."));
    }

    private static async Task<Results<Ok<FlowExport>, ProblemHttpResult>> Export(
        Guid id, int? version, CurrentProject project, Caller caller, FlowsDb db, FlowSamples kept, HttpContext http, CancellationToken cancel, bool samples = false)
    {
        if (samples && !caller.Permissions.Has(Permission.ReadRuns))
            return Problems.Of(StatusCodes.Status403Forbidden, $"Samples are data of runs: to export them needs {Permissions.NameOf(Permission.ReadRuns)}.");
        var flow = await db.Flows.AsNoTracking().SingleOrDefaultAsync(flow => flow.Id == id && flow.ProjectId == project.Id, cancel);
        if (flow is null)
            return FlowEndpoints.NoSuchFlow(id);
        var definition = version is null ? flow.Draft : await db.FlowVersions
            .Where(published => published.FlowId == id && published.Number == version).Select(published => published.Definition).SingleOrDefaultAsync(cancel);
        if (definition is null)
            return Problems.NotFound($"Flow {id} has no version {version}.");
        var shown = samples ? (await kept.OfFlowAsync(id, cancel)).ToDictionary(sample => sample.Step, sample => new ExportedSample(sample.Output.ToElement(), sample.Pinned)) : null;
        http.Response.Headers.ContentDisposition = $"attachment; filename=\"{FileName(flow.Name)}.flow.json\"";
        return TypedResults.Ok(new FlowExport(FlowExport.CurrentFormat, flow.Name, flow.Key, JsonElement.Parse(definition), shown));
    }

    internal static readonly JsonSerializerOptions Readable = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static (string Format, IReadOnlyList<ImportedFlow> Flows) Read(JsonObject document)
    {
        if (document.Text("format") == FlowExport.CurrentFormat && document.Object("definition") is { } definition)
            return ("flows", [new ImportedFlow(document.Text("name") ?? "Imported flow", (JsonObject)definition.DeepClone(), [])]);
        if (document["schema"] is not null && document["trigger"] is not null && document["steps"] is not null)
            return ("flows", [new ImportedFlow("Imported flow", document, [])]);
        if (N8nReader.Knows(document))
            return ("n8n", [N8nReader.Read(document)]);
        return ("activepieces", ActivepiecesReader.Knows(document) ? ActivepiecesReader.Read(document) : []);
    }

    internal static string FileName(string name)
    {
        var plain = new string([.. name.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '-')]).Trim('-');
        return plain.Length == 0 ? "flow" : plain[..Math.Min(plain.Length, 80)];
    }
}
