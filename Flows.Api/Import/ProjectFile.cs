using System.Text.Json;
using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Projects;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Flows.Api.Import;

/// <summary>The file of a whole project, in the order of names, so that two of them can be compared. It holds no secret: connections are named by their keys.</summary>
/// <param name="Format">Always <see cref="CurrentFormat"/>.</param>
/// <param name="Name">Of the project it was made of.</param>
/// <param name="Flows">By their names.</param>
/// <param name="Folders">Their names.</param>
/// <param name="Variables">Their values by their keys.</param>
/// <param name="Connections">What flows may name.</param>
internal sealed record ProjectExport(
    string Format,
    string Name,
    IReadOnlyList<ExportedFlow> Flows,
    IReadOnlyList<string>? Folders = null,
    IReadOnlyDictionary<string, JsonElement>? Variables = null,
    IReadOnlyList<ExportedConnection>? Connections = null)
{
    public const string CurrentFormat = "project/1";
}

/// <summary>A flow of a project's file.</summary>
/// <param name="Name">Of the flow.</param>
/// <param name="Definition">Of the draft.</param>
/// <param name="Id">What the other flows of the file may call it by; the flow that is made of it has an id of its own, and their calls are changed to that.</param>
/// <param name="Key">Its key, unless the project has a flow with that key already.</param>
/// <param name="Folder">Name of its folder; null for none.</param>
/// <param name="Tags">Words that it is found by.</param>
internal sealed record ExportedFlow(string Name, JsonElement Definition, Guid? Id = null, string? Key = null, string? Folder = null, IReadOnlyList<string>? Tags = null);

/// <summary>What a connection is, without anything that was entered into it.</summary>
/// <param name="Key">What definitions call it by.</param>
/// <param name="Name">What people read.</param>
/// <param name="Kind"><c>secret</c>, <c>basic</c>, <c>custom</c> or <c>oauth2</c>.</param>
/// <param name="Piece">The piece it is for; null for none.</param>
internal sealed record ExportedConnection(string Key, string Name, string Kind, string? Piece = null);

/// <summary>A whole project as one file that import takes.</summary>
internal static class ProjectFile
{
    public const int MostFlows = 1_000;
    /// <summary>As much as import takes: what is written can be read again.</summary>
    public const int MostBytes = 20 << 20;

    public static void MapProjectExport(this IEndpointRouteBuilder api) =>
        api.MapGet("/projects/{id:guid}/export", Export).Requires(Permission.ReadFlows).Requires(Permission.ReadVariables).Requires(Permission.ReadConnections).WithTags("Import and export")
            .WithSummary("All flows of the project by their drafts, with folders, tags, variables, and connections by their keys without their secrets, as one file that import takes")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);

    private static async Task<Results<Ok<ProjectExport>, ProblemHttpResult>> Export(Guid id, CurrentProject here, FlowsDb db, HttpContext http, CancellationToken cancel)
    {
        if (id != here.Id || await db.Projects.AsNoTracking().SingleOrDefaultAsync(row => row.Id == id, cancel) is not { } project)
            return ProjectEndpoints.NoSuch(id);
        // One state of the whole, whatever is saved meanwhile.
        await using var transaction = await db.Database.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, cancel);
        await using (var command = new NpgsqlCommand(
            "SELECT count(*), coalesce(sum(octet_length(draft::text)), 0)::bigint + (SELECT coalesce(sum(octet_length(value::text)), 0) FROM variables WHERE project_id = $1)::bigint FROM flows WHERE project_id = $1 AND deleted_at IS NULL",
            (NpgsqlConnection)db.Database.GetDbConnection())
        { Parameters = { new NpgsqlParameter<Guid> { TypedValue = id } } })
        {
            await using var row = await command.ExecuteReaderAsync(cancel);
            await row.ReadAsync(cancel);
            // Names, tags and the rest are small beside the definitions: a tenth is left for them.
            if (row.GetInt64(0) > MostFlows || row.GetInt64(1) > MostBytes * 9L / 10)
            {
                return Problems.Conflict(
                    $"The project has {row.GetInt64(0)} flows of {row.GetInt64(1) >> 10} KiB; one file holds at most {MostFlows} flows and {MostBytes >> 20} MiB. Export the flows one by one.");
            }
        }
        var folders = await db.Folders.AsNoTracking().Where(folder => folder.ProjectId == id).ToDictionaryAsync(folder => folder.Id, folder => folder.Name, cancel);
        var flows = await db.Flows.AsNoTracking().Where(flow => flow.ProjectId == id).ToListAsync(cancel);
        var variables = await db.Variables.AsNoTracking().Where(variable => variable.ProjectId == id).ToListAsync(cancel);
        var connections = await db.Connections.AsNoTracking().Where(connection => connection.ProjectId == id)
            .Select(connection => new ExportedConnection(connection.Key, connection.Name, connection.Kind, connection.Piece)).ToListAsync(cancel);

        http.Response.Headers.ContentDisposition = $"attachment; filename=\"{ImportEndpoints.FileName(project.Name)}.project.json\"";
        return TypedResults.Ok(new ProjectExport(
            ProjectExport.CurrentFormat,
            project.Name,
            [.. flows.OrderBy(flow => flow.Name, StringComparer.Ordinal).ThenBy(flow => flow.Id).Select(flow => new ExportedFlow(
                flow.Name, JsonElement.Parse(flow.Draft), flow.Id, flow.Key, flow.FolderId is { } folder ? folders.GetValueOrDefault(folder) : null, flow.Tags))],
            [.. folders.Values.Order(StringComparer.Ordinal)],
            variables.OrderBy(variable => variable.Key, StringComparer.Ordinal).ToDictionary(variable => variable.Key, variable => JsonElement.Parse(variable.Value)),
            [.. connections.OrderBy(connection => connection.Key, StringComparer.Ordinal)]));
    }
}
