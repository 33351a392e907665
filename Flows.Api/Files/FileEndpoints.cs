using Flows.Api.Access;
using Flows.Api.Reference;
using Flows.Api.Runs;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Net.Http.Headers;
using Npgsql;

namespace Flows.Api.Files;

internal static class FileEndpoints
{
    public static void MapFiles(this IEndpointRouteBuilder app) =>
        app.MapGet("/api/v1/runs/{runId:guid}/files/{fileId}", Download).Requires(Permission.ReadRuns).AddEndpointFilter<UnavailableFilter>()
            .WithTags("Runs").WithSummary("Download a file that the run has made")
            .Answers(StatusCodes.Status200OK, "application/octet-stream", "The file, with its own content type and name; it is never shown by the browser itself.", "The bytes of the file");

    /// <summary>The file, chunk by chunk: never more than one of them is in memory. A browser saves it and does not guess what it is.</summary>
    private static async Task<Results<EmptyHttpResult, ProblemHttpResult>> Download(
        Guid runId, string fileId, HttpContext http, CurrentProject project, NpgsqlDataSource db, CancellationToken cancel)
    {
        if (!FileId.TryParse(fileId, out var id) || id.Run != runId)
            return NoSuchFile();
        await using var connection = await db.OpenConnectionAsync(cancel);
        if (await RunFileStore.FindAsync(connection, project.Id, id, cancel) is not { } file)
            return NoSuchFile();

        var disposition = new ContentDispositionHeaderValue("attachment");
        disposition.SetHttpFileName(file.Name);
        http.Response.ContentType = file.Type;
        http.Response.ContentLength = file.Size;
        http.Response.Headers.ContentDisposition = disposition.ToString();
        http.Response.Headers.XContentTypeOptions = "nosniff";
        http.Response.Headers.ContentSecurityPolicy = "sandbox; default-src 'none'";
        http.Response.Headers.CacheControl = "private, no-store";
        for (var index = 0; await RunFileStore.ReadChunkAsync(connection, id, index, cancel) is { } chunk; index++)
            await http.Response.Body.WriteAsync(chunk, cancel);
        return TypedResults.Empty;
    }

    private static ProblemHttpResult NoSuchFile() => RunProblems.Of(StatusCodes.Status404NotFound, "file_not_found", "There is no such file.");
}
