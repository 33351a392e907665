using System.Text.Json;
using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Connections.OAuth;
using Flows.Api.Flows;
using Flows.Contracts.Definitions;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Flows.Api.Connections;

/// <summary>The project's connections. Their secrets go in and never come out.</summary>
internal static class ConnectionEndpoints
{
    public static void MapConnections(this IEndpointRouteBuilder api)
    {
        var connections = api.MapGroup("/connections").WithTags("Connections");
        connections.MapGet("", List).Requires(Permission.ReadConnections).WithSummary("The project's connections, newest first, without their secrets").ProducesProblem(StatusCodes.Status400BadRequest);
        connections.MapPost("", Create).Requires(Permission.EditConnections).Audited("connection.created").WithSummary("Keep a connection; its secrets are encrypted and never shown again")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status409Conflict);
        connections.MapGet("/{id:guid}", Get).Requires(Permission.ReadConnections).WithSummary("One connection, without its secrets").ProducesProblem(StatusCodes.Status404NotFound);
        connections.MapPatch("/{id:guid}", Change).Requires(Permission.EditConnections).Audited("connection.changed").WithSummary("Change the name or some fields of a connection; a field that is null is taken away")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);
        connections.MapDelete("/{id:guid}", Delete).Requires(Permission.EditConnections).Audited("connection.deleted")
            .WithSummary("Delete a connection; runs of flows that name it fail from then on. Its token is given back where the service takes it")
            .ProducesProblem(StatusCodes.Status404NotFound);
        connections.MapSignInStart();
    }

    private static async Task<Results<Ok<Page<ConnectionView>>, ProblemHttpResult>> List(
        [AsParameters] PageQuery page, CurrentProject project, FlowsDb db, CancellationToken cancel)
    {
        if (!page.TryRead(out var limit, out var after, out var problem))
            return problem;
        var found = await db.Connections.AsNoTracking()
            .Where(row => row.ProjectId == project.Id && (after == null || row.Id < after))
            .OrderByDescending(row => row.Id).Take(limit + 1).ToListAsync(cancel);
        var rows = Page.Of(found, limit, row => row.Id);
        return TypedResults.Ok(new Page<ConnectionView>([.. rows.Items.Select(ConnectionView.Of)], rows.NextCursor));
    }

    private static async Task<Results<Ok<ConnectionView>, ProblemHttpResult>> Get(Guid id, CurrentProject project, FlowsDb db, CancellationToken cancel) =>
        await FindAsync(db, project, id, cancel) is { } row ? TypedResults.Ok(ConnectionView.Of(row)) : NoSuch(id);

    private static async Task<Results<Created<ConnectionView>, ProblemHttpResult>> Create(
        CreateConnectionRequest request, CurrentProject project, FlowsDb db, AuditTrail audit, FlowCatalogue catalogue, SecretEnvelope envelope, OAuthGrants oauth,
        TimeProvider clock, CancellationToken cancel)
    {
        if (ExpressionKey.Problem(request.Key) is { } badKey)
            return Problems.BadRequest("$.key", badKey);
        if (request.Name is { } name && DisplayName.Problem(name) is { } badName)
            return Problems.BadRequest("$.name", badName);
        PieceDescription? piece = null;
        if (request.Piece is { } pieceName && (piece = catalogue.Piece(pieceName)) is null)
            return Problems.BadRequest("$.piece", $"There is no piece '{pieceName}'.");
        var (fields, refused) = ConnectionFields.For(piece, request.Kind);
        if (fields is null)
            return Problems.BadRequest(refused!.Path, refused.Message);
        if (fields.Problems(request.Value) is { Count: > 0 } problems)
            return Problems.BadRequest("The fields of the connection are not what it needs.", problems);

        var (settings, wrong) = await oauth.ReadAsync(db, project.Id, fields.Kind, request.Value, piece?.Name, cancel);
        if (wrong is not null)
            return Problems.BadRequest(wrong.Path, wrong.Message);

        var now = clock.GetUtcNow();
        var id = Guid.CreateVersion7(now);
        var row = new Connection
        {
            Id = id,
            ProjectId = project.Id,
            Key = request.Key,
            Name = request.Name ?? request.Key,
            Piece = piece?.Name,
            Kind = fields.Kind,
            Sealed = envelope.Seal(fields.Whole(request.Value), Connection.PlaceOf(project.Id, id)),
            Shown = fields.Shown(request.Value),
            CreatedAt = now,
            UpdatedAt = now,
            Status = settings is { NeedsPerson: true } ? ConnectionStatus.NeedsSignIn : ConnectionStatus.Ready,
        };
        db.Connections.Add(row);
        audit.Add(db, "connection.created", $"connection:{id}", after: Told(row));
        try
        {
            await db.SaveChangesAsync(cancel);
        }
        catch (DbUpdateException error) when (error.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
        {
            return Problems.Conflict($"The project has a connection '{request.Key}' already.");
        }
        await oauth.FetchAsync(db, row, settings, cancel);
        return TypedResults.Created($"/api/v1/connections/{id}", ConnectionView.Of(row));
    }

    private static async Task<Results<Ok<ConnectionView>, ProblemHttpResult>> Change(
        Guid id, ChangeConnectionRequest request, CurrentProject project, FlowsDb db, AuditTrail audit, FlowCatalogue catalogue, SecretEnvelope envelope, OAuthGrants oauth,
        TimeProvider clock, CancellationToken cancel)
    {
        if (request.Name is { } name && DisplayName.Problem(name) is { } badName)
            return Problems.BadRequest("$.name", badName);

        // Locked until the commit: of two that change different fields at once neither undoes the other.
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var found = await db.Connections.FromSql($"SELECT * FROM connections WHERE id = {id} AND project_id = {project.Id} FOR UPDATE").ToListAsync(cancel);
        if (found is not [var row])
            return NoSuch(id);
        var before = Told(row);
        row.Name = request.Name ?? row.Name;
        OAuthSettings? settings = null;
        if (request.Value is { } changes)
        {
            if (ConnectionFields.For(row.Piece is null ? null : catalogue.Piece(row.Piece), row.Kind) is not ({ } fields, _))
                return Problems.Conflict($"The piece '{row.Piece}' of this connection no longer takes the kind '{row.Kind}'. Delete it and make a new one.");
            var value = new OrderedDictionary<string, JsonElement>(StringComparer.Ordinal);
            foreach (var field in JsonElement.Parse(envelope.Open(row.Sealed, Connection.PlaceOf(project.Id, id))).EnumerateObject())
                value[field.Name] = field.Value;
            foreach (var (field, changed) in changes)
            {
                if (changed.ValueKind == JsonValueKind.Null)
                    value.Remove(field);
                else
                    value[field] = changed;
            }
            if (fields.Problems(value) is { Count: > 0 } problems)
                return Problems.BadRequest("The fields of the connection are not what it needs.", problems);
            (settings, var wrong) = await oauth.ReadAsync(db, project.Id, row.Kind, value, row.Piece, cancel);
            if (wrong is not null)
                return Problems.BadRequest(wrong.Path, wrong.Message);
            if (settings is not null)
                await oauth.ChangeAsync(db, row, settings, cancel);
            row.Sealed = envelope.Seal(fields.Whole(value), Connection.PlaceOf(project.Id, id));
            row.Shown = fields.Shown(value);
        }
        row.UpdatedAt = clock.GetUtcNow();
        audit.Add(db, "connection.changed", $"connection:{id}", before, Told(row));
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        await oauth.FetchAsync(db, row, settings, cancel);
        return TypedResults.Ok(ConnectionView.Of(row));
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Delete(
        Guid id, CurrentProject project, FlowsDb db, AuditTrail audit, OAuthGrants oauth, CancellationToken cancel)
    {
        var given = await oauth.FindTokensAsync(db, project.Id, id, cancel);
        await using (var transaction = await db.Database.BeginTransactionAsync(cancel))
        {
            if (await FindAsync(db, project, id, cancel) is not { } row || await db.Connections.Where(found => found.Id == id).ExecuteDeleteAsync(cancel) == 0)
                return NoSuch(id);
            audit.Add(db, "connection.deleted", $"connection:{id}", before: Told(row));
            await db.SaveChangesAsync(cancel);
            await transaction.CommitAsync(cancel);
        }
        // After the row: no run can get the token any more. A crash on this line leaves the token good at the service until it runs out there.
        await oauth.GiveBackAsync(given, cancel);
        return TypedResults.NoContent();
    }

    // Which fields are set, and no value of any: one that is no secret today may be one tomorrow.
    private static object Told(Connection row) =>
        new { row.Key, row.Name, row.Piece, row.Kind, Fields = JsonElement.Parse(row.Shown).EnumerateObject().Select(field => field.Name).ToArray() };

    private static Task<Connection?> FindAsync(FlowsDb db, CurrentProject project, Guid id, CancellationToken cancel) =>
        db.Connections.AsNoTracking().SingleOrDefaultAsync(row => row.Id == id && row.ProjectId == project.Id, cancel);

    private static ProblemHttpResult NoSuch(Guid id) => Problems.NotFound($"There is no connection {id}.");

    /// <param name="Piece">The piece it is for; null for one whose fields inputs name by hand.</param>
    /// <param name="Kind">Null takes the piece's.</param>
    internal sealed record CreateConnectionRequest(string Key, Dictionary<string, JsonElement> Value, string? Name = null, string? Piece = null, string? Kind = null);
    internal sealed record ChangeConnectionRequest(string? Name = null, Dictionary<string, JsonElement>? Value = null);
}

/// <param name="Fields">Those that are set: with their value when it is no secret, else null.</param>
/// <param name="Status"><c>needsSignIn</c>: runs cannot use it until somebody signs in, or puts its client right.</param>
/// <param name="Problem">Why it needs a sign-in, or why its token could not be renewed the last time.</param>
/// <param name="ExpiresAt">When its present token runs out; it is renewed before.</param>
internal sealed record ConnectionView(
    Guid Id, string Key, string Name, string? Piece, string Kind, JsonElement Fields, string Status, string? Problem, DateTimeOffset? ExpiresAt,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    public static ConnectionView Of(Connection row) => new(
        row.Id, row.Key, row.Name, row.Piece, row.Kind, JsonElement.Parse(row.Shown), row.Status == ConnectionStatus.Ready ? "ready" : "needsSignIn",
        row.Problem ?? (row.Status == ConnectionStatus.NeedsSignIn ? "Nobody has signed in yet." : null), row.ExpiresAt, row.CreatedAt, row.UpdatedAt);
}
