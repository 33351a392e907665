using System.Text.Json;
using Flows.Api.Connections;
using Flows.Api.Runs;
using Flows.Api.Triggers;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.WorkerProtocol;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.PieceQuestions;

/// <summary>Hands questions to workers. One that a worker dies with is not asked again: its caller waits only for seconds.</summary>
internal sealed class QuestionWork(NpgsqlDataSource db, OpenConnections connections, AnswerBell answers, IOptions<LimitsOptions> limits, TimeProvider clock) : IPieceWork
{
    private const string Take = """
        WITH next AS (
            SELECT id FROM piece_questions WHERE worker IS NULL AND expires_at > $1 ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED
        )
        UPDATE piece_questions q SET worker = $2 FROM next WHERE q.id = next.id
        RETURNING q.id, q.project_id, q.kind, q.piece, q.part, q.input, q.search, q.connection, q.expires_at, q.context
        """;

    public bool Does(PieceCallKind kind) => kind is PieceCallKind.Options or PieceCallKind.Test or PieceCallKind.Sample or PieceCallKind.Expressions;

    /// <inheritdoc/>
    public async Task<PieceClaim?> TakeAsync(string worker, CancellationToken cancel)
    {
        var (claim, key) = await ClaimAsync(worker, clock.GetUtcNow(), cancel);
        return await connections.FillAsync(claim, key, cancel);
    }

    private async Task<(PieceClaim? Claim, string? Connection)> ClaimAsync(string worker, DateTimeOffset now, CancellationToken cancel)
    {
        await using var command = db.CreateCommand(Take);
        command.Parameters.Add(RunSql.Value(now, NpgsqlDbType.TimestampTz));
        command.Parameters.Add(RunSql.Value(worker, NpgsqlDbType.Text));
        await using var row = await command.ExecuteReaderAsync(cancel);
        if (!await row.ReadAsync(cancel))
            return (null, null);
        var id = row.GetGuid(0);
        var left = row.GetFieldValue<DateTimeOffset>(8) - now;
        var key = row.TextOrNull(7);
        var claim = new PieceClaim(row.GetGuid(1), id, 1, new PieceRequest(
            id, (PieceCallKind)row.GetInt16(2), null, row.GetString(3), row.GetString(4), row.JsonOrNull(5) ?? RawJson.Null, null,
            (int)Math.Max(1, left.TotalMilliseconds), (long)limits.Value.PayloadMiB << 20, Search: row.TextOrNull(6), Context: row.JsonOrNull(9)));
        await row.NextResultAsync(cancel); // the commit
        return (claim, key);
    }

    /// <inheritdoc/>
    public Task<(Guid Project, string Key)?> ConnectionOfAsync(RefusedToken call, CancellationToken cancel) => db.ConnectionOfAsync(
        "SELECT project_id, connection FROM piece_questions WHERE id = $1 AND $2 = 1 AND worker = $3 AND answer IS NULL", call, cancel);

    /// <inheritdoc/>
    public async Task<int?> AnswerAsync(PieceReport report, CancellationToken cancel)
    {
        await using var command = db.CreateCommand("UPDATE piece_questions SET answer = $3 WHERE id = $1 AND worker = $2 AND answer IS NULL");
        command.Parameters.Add(RunSql.Value(report.Id, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(report.Worker, NpgsqlDbType.Text));
        command.Parameters.Add(RunSql.Value<ReadOnlyMemory<byte>?>(JsonSerializer.SerializeToUtf8Bytes(report.Answer, EngineJson.Default.PieceAnswer), NpgsqlDbType.Json));
        if (await command.ExecuteNonQueryAsync(cancel) != 1)
            return null;
        answers.Ring(report.Id);
        return 0;
    }
}
