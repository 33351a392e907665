using Flows.Api.Access;
using Flows.Api.Audit;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Flows.Api.Flows.Folders;

/// <summary>A name that flows of a project are put under. Folders hold no folders.</summary>
internal sealed class Folder
{
    public required Guid Id { get; init; }
    public required Guid ProjectId { get; init; }
    public required string Name { get; set; }
    public required DateTimeOffset CreatedAt { get; init; }
}

/// <param name="Flows">How many flows lie in it, deleted ones not counted.</param>
internal sealed record FolderView(Guid Id, string Name, int Flows, DateTimeOffset CreatedAt);

/// <summary>Folders. A flow is moved by changing the flow, many by <c>POST /flows/bulk</c>.</summary>
internal static class FolderEndpoints
{
    /// <summary>Folders of one project: all are shown at once.</summary>
    public const int MaximumFolders = 500;

    public static void MapFolders(this IEndpointRouteBuilder api)
    {
        var folders = api.MapGroup("/folders").WithTags("Folders");
        folders.MapGet("", List).Requires(Permission.ReadFlows).WithSummary("The project's folders by name, with how many flows are in each");
        folders.MapPost("", Create).Requires(Permission.EditFlows).Audited("folder.created").WithSummary("Make a folder").ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status409Conflict);
        folders.MapPatch("/{id:guid}", Rename).Requires(Permission.EditFlows).Audited("folder.renamed", ahead: true).WithSummary("Rename a folder")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);
        folders.MapDelete("/{id:guid}", Delete).Requires(Permission.EditFlows).Audited("folder.deleted", ahead: true).WithSummary("Delete a folder; its flows stay and lie in none").ProducesProblem(StatusCodes.Status404NotFound);
    }

    private static async Task<Ok<Page<FolderView>>> List(CurrentProject project, FlowsDb db, CancellationToken cancel) =>
        TypedResults.Ok(new Page<FolderView>(
            await View(db, Of(db, project).OrderBy(folder => folder.Name.ToLower()).Take(MaximumFolders)).ToListAsync(cancel), NextCursor: null));

    private static async Task<Results<Created<FolderView>, ProblemHttpResult>> Create(
        FolderRequest request, CurrentProject project, FlowsDb db, AuditTrail audit, TimeProvider clock, CancellationToken cancel)
    {
        if (DisplayName.Problem(request.Name) is { } problem)
            return Problems.BadRequest("$.name", problem);
        if (await db.Folders.CountAsync(folder => folder.ProjectId == project.Id, cancel) >= MaximumFolders)
            return Problems.Conflict($"A project has at most {MaximumFolders} folders.");
        var now = clock.GetUtcNow();
        var folder = new Folder { Id = Guid.CreateVersion7(now), ProjectId = project.Id, Name = request.Name, CreatedAt = now };
        db.Folders.Add(folder);
        audit.Add(db, "folder.created", $"folder:{folder.Id}", after: new { folder.Name });
        try
        {
            await db.SaveChangesAsync(cancel);
        }
        catch (DbUpdateException error) when (error.InnerException is { } inner && IsTakenName(inner))
        {
            return NameTaken(request.Name);
        }
        return TypedResults.Created($"/api/v1/folders/{folder.Id}", new FolderView(folder.Id, folder.Name, 0, folder.CreatedAt));
    }

    private static async Task<Results<Ok<FolderView>, ProblemHttpResult>> Rename(
        Guid id, FolderRequest request, CurrentProject project, FlowsDb db, AuditTrail audit, CancellationToken cancel)
    {
        if (DisplayName.Problem(request.Name) is { } problem)
            return Problems.BadRequest("$.name", problem);
        try
        {
            await db.Folders.Where(folder => folder.Id == id && folder.ProjectId == project.Id)
                .ExecuteUpdateAsync(set => set.SetProperty(folder => folder.Name, request.Name), cancel);
        }
        catch (PostgresException error) when (IsTakenName(error))
        {
            return NameTaken(request.Name);
        }
        audit.Tell(after: new { request.Name });
        return await View(db, Of(db, project).Where(folder => folder.Id == id)).SingleOrDefaultAsync(cancel) is { } view ? TypedResults.Ok(view) : NoSuchFolder(id);
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Delete(Guid id, CurrentProject project, FlowsDb db, CancellationToken cancel) =>
        await db.Folders.Where(folder => folder.Id == id && folder.ProjectId == project.Id).ExecuteDeleteAsync(cancel) > 0
            ? TypedResults.NoContent()
            : NoSuchFolder(id);

    private static IQueryable<Folder> Of(FlowsDb db, CurrentProject project) => db.Folders.Where(folder => folder.ProjectId == project.Id);

    // Last: nothing can be asked of the view in the database.
    private static IQueryable<FolderView> View(FlowsDb db, IQueryable<Folder> folders) =>
        folders.Select(folder => new FolderView(folder.Id, folder.Name, db.Flows.Count(flow => flow.FolderId == folder.Id), folder.CreatedAt));

    public static ProblemHttpResult NoSuchFolder(Guid id) => Problems.NotFound($"There is no folder {id}.");

    private static ProblemHttpResult NameTaken(string name) => Problems.Conflict($"Another folder of this project is called '{name}'.");

    private static bool IsTakenName(Exception error) =>
        error is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation, ConstraintName: "folders_name" };

    internal sealed record FolderRequest(string Name);
}
