using System.Text.Json;
using System.Text.Json.Nodes;
using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Connections;
using Flows.Api.Flows;
using Flows.Api.Flows.Folders;
using Flows.Contracts.Definitions;
using Microsoft.EntityFrameworkCore;

namespace Flows.Api.Import;

/// <summary>What came with the flows of a project's file.</summary>
/// <param name="Folders">Names of the folders that were made.</param>
/// <param name="Variables">Keys of the variables that were set.</param>
/// <param name="KeptVariables">Keys of variables of the file that were left alone: the project has them already, or the caller may not set any.</param>
/// <param name="MissingConnections">What the file's flows name and the project does not have: a flow that uses one can be published once it is made.</param>
internal sealed record ProjectImportView(
    IReadOnlyList<string> Folders, IReadOnlyList<string> Variables, IReadOnlyList<string> KeptVariables, IReadOnlyList<ExportedConnection> MissingConnections);

/// <summary>Adds the flows of a project's file to a project, all or none. What is there already is never changed.</summary>
internal sealed class ProjectImport(FlowsDb db, AuditTrail audit, FlowCatalogue catalogue, Guid projectId, Caller caller, DateTimeOffset now)
{
    private const int MostConnections = 10_000;
    private readonly List<FieldProblem> _problems = [];

    /// <summary>What is wrong with the file, by its paths; empty: <see cref="SaveAsync"/> can be called.</summary>
    public IReadOnlyList<FieldProblem> Check(ProjectExport file)
    {
        if (file.Format != ProjectExport.CurrentFormat)
            Problem("$.format", $"It must be \"{ProjectExport.CurrentFormat}\".");
        if (file.Flows.Count is 0 or > ProjectFile.MostFlows)
            Problem("$.flows", $"The file must hold 1 to {ProjectFile.MostFlows} flows; it holds {file.Flows.Count}.");
        if (file.Folders is { } folders && (folders.Count > FolderEndpoints.MaximumFolders || folders.Any(name => name is null || DisplayName.Problem(name) is not null)))
            Problem("$.folders", $"It must hold at most {FolderEndpoints.MaximumFolders} names of folders.");
        if (file.Connections is { } connections && (connections.Count > MostConnections || connections.Any(connection => connection is null)))
            Problem("$.connections", $"It must hold at most {MostConnections} connections, none of them null.");
        foreach (var (key, value) in file.Variables ?? new Dictionary<string, JsonElement>())
        {
            if (ExpressionKey.Problem(key) is { } badKey)
                Problem($"$.variables.{key}", badKey);
            else if (VariableEndpoints.Problem(value) is { } badValue)
                Problem($"$.variables.{key}", badValue);
        }
        foreach (var (index, flow) in file.Flows.Index())
        {
            var at = $"$.flows[{index}]";
            if (flow is null)
            {
                Problem(at, "The value must not be null.");
                continue;
            }
            if (DisplayName.Problem(flow.Name) is { } badName)
                Problem($"{at}.name", badName);
            if (FlowEndpoints.KeyProblem(flow.Key) is { } badKey)
                Problem($"{at}.key", badKey);
            if (flow.Folder is not null && DisplayName.Problem(flow.Folder) is { } badFolder)
                Problem($"{at}.folder", badFolder);
            if (flow.Tags is not null && FlowTags.Check($"{at}.tags", flow.Tags) is { } badTags)
                _problems.Add(badTags);
            foreach (var problem in catalogue.Read(flow.Definition).Problems.Where(problem => problem.Severity == ProblemSeverity.Error))
                Problem($"{at}.definition{problem.Path[1..]}", problem.Message);
        }
        return _problems;
    }

    private void Problem(string path, string message)
    {
        if (_problems.Count < 100)
            _problems.Add(new FieldProblem(path, message));
    }

    /// <exception cref="DbUpdateException">Somebody has taken a key or a name of a folder meanwhile, or there would be more folders than a project may have.</exception>
    public async Task<(IReadOnlyList<ImportedView> Flows, ProjectImportView Others)> SaveAsync(ProjectExport file, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var folders = await MakeFoldersAsync(file, cancel);
        var (set, kept) = await SetVariablesAsync(file, cancel);
        var views = await MakeFlowsAsync(file, folders.Ids, cancel);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        var known = await db.Connections.Where(connection => connection.ProjectId == projectId).Select(connection => connection.Key).ToListAsync(cancel);
        return (views, new ProjectImportView(folders.Made, set, kept, [.. (file.Connections ?? []).Where(connection => !known.Contains(connection.Key, StringComparer.Ordinal))]));
    }

    private async Task<(Dictionary<string, Guid> Ids, List<string> Made)> MakeFoldersAsync(ProjectExport file, CancellationToken cancel)
    {
        var ids = new Dictionary<string, Guid>(StringComparer.OrdinalIgnoreCase);
        foreach (var folder in await db.Folders.AsNoTracking().Where(folder => folder.ProjectId == projectId).ToListAsync(cancel))
            ids[folder.Name] = folder.Id;
        var made = new List<string>();
        foreach (var name in (file.Folders ?? []).Concat(file.Flows.Select(flow => flow.Folder).OfType<string>()))
        {
            if (ids.ContainsKey(name))
                continue;
            if (ids.Count >= FolderEndpoints.MaximumFolders)
                throw new ImportException($"The project would have more than {FolderEndpoints.MaximumFolders} folders.");
            var folder = new Folder { Id = Guid.CreateVersion7(now), ProjectId = projectId, Name = name, CreatedAt = now };
            db.Folders.Add(folder);
            audit.Add(db, "folder.created", $"folder:{folder.Id}", after: new { folder.Name });
            ids[name] = folder.Id;
            made.Add(name);
        }
        await db.SaveChangesAsync(cancel); // before the flows that lie in them
        return (ids, made);
    }

    private async Task<(List<string> Set, List<string> Kept)> SetVariablesAsync(ProjectExport file, CancellationToken cancel)
    {
        var (set, kept) = (new List<string>(), new List<string>());
        var there = await db.Variables.Where(variable => variable.ProjectId == projectId).Select(variable => variable.Key).ToListAsync(cancel);
        foreach (var (key, value) in file.Variables ?? new Dictionary<string, JsonElement>())
        {
            if (there.Contains(key, StringComparer.Ordinal) || !caller.Permissions.Has(Permission.EditVariables))
            {
                kept.Add(key);
                continue;
            }
            if (there.Count + set.Count >= VariableEndpoints.MostVariables)
                throw new ImportException($"The project would have more than {VariableEndpoints.MostVariables} variables.");
            db.Variables.Add(new Variable { ProjectId = projectId, Key = key, Value = value.GetRawText(), UpdatedAt = now });
            audit.Add(db, "variable.set", $"variable:{key}", after: VariableEndpoints.Told(value.GetRawText()));
            set.Add(key);
        }
        return (set, kept);
    }

    private async Task<IReadOnlyList<ImportedView>> MakeFlowsAsync(ProjectExport file, Dictionary<string, Guid> folders, CancellationToken cancel)
    {
        var taken = (await db.Flows.Where(flow => flow.ProjectId == projectId && flow.Key != null).Select(flow => flow.Key!).ToListAsync(cancel)).ToHashSet(StringComparer.Ordinal);
        var ids = new Dictionary<Guid, Guid>();
        foreach (var flow in file.Flows)
        {
            if (flow.Id is { } old)
                ids.TryAdd(old, Guid.CreateVersion7(now));
        }
        var used = new HashSet<Guid>();
        var views = new List<ImportedView>(file.Flows.Count);
        foreach (var flow in file.Flows)
        {
            var notes = new List<ImportNote>();
            var key = flow.Key is null || taken.Add(flow.Key) ? flow.Key : null;
            if (key != flow.Key)
                notes.Add(new ImportNote(null, $"It has no key: another flow has the key '{flow.Key}'."));
            var made = new Flow
            {
                Id = flow.Id is { } old && used.Add(ids[old]) ? ids[old] : Guid.CreateVersion7(now),
                ProjectId = projectId,
                Name = flow.Name,
                Key = key,
                FolderId = flow.Folder is { } folder ? folders[folder] : null,
                Tags = FlowTags.Tidy(flow.Tags ?? []),
                Draft = WithCallsTo(flow.Definition, ids),
                CreatedAt = now,
                UpdatedAt = now,
            };
            db.Flows.Add(made);
            audit.Add(db, "flow.imported", $"flow:{made.Id}", after: new { made.Name, made.Key, Format = "project" });
            views.Add(new ImportedView(made.Id, made.Name, notes, catalogue.Read(JsonElement.Parse(made.Draft)).Problems));
        }
        return views;
    }

    /// <summary>The definition as it was written, but for calls of flows of the same file, which have other ids now.</summary>
    private static string WithCallsTo(JsonElement definition, Dictionary<Guid, Guid> ids)
    {
        var text = definition.GetRawText();
        if (!text.Contains("\"call\"", StringComparison.Ordinal))
            return text;
        var root = JsonNode.Parse(text)!;
        return Change(root, ids) ? root.ToJsonString(ImportEndpoints.Readable) : text;
    }

    private static bool Change(JsonNode? node, Dictionary<Guid, Guid> ids)
    {
        var changed = false;
        switch (node)
        {
            case JsonObject fields:
                if (fields.Text("kind") == "call" && Guid.TryParse(fields.Text("flow"), out var called) && ids.TryGetValue(called, out var now))
                {
                    fields["flow"] = now.ToString();
                    changed = true;
                }
                foreach (var (_, inside) in fields.ToList())
                    changed |= Change(inside, ids);
                break;
            case JsonArray items:
                foreach (var item in items)
                    changed |= Change(item, ids);
                break;
        }
        return changed;
    }
}
