using System.Text.Json;
using Flows.Api.Runs;
using Flows.Api.Triggers;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.PieceQuestions;

/// <summary>What is asked of a piece.</summary>
/// <param name="Part">The source of options or the trigger; empty for a test.</param>
/// <param name="Connection">Key of a connection of the project; null for none.</param>
/// <param name="Context">Sample data for the expressions in the input, a <see cref="PreviewContext"/>; null leaves them as they are.</param>
internal sealed record PieceQuestionOf(PieceCallKind Kind, string Piece, string Part, RawJson Input, string? Connection, string? Search = null, RawJson? Context = null);

/// <summary>
/// Has a worker ask a piece, and waits for the answer: the row is the question, whichever replica a worker asks for work. The wait is bounded, and
/// a question that nobody waits for any more is done by nobody.
/// </summary>
internal sealed class PieceQuestionDesk(NpgsqlDataSource db, PieceBell bell, AnswerBell answers, IOptions<PieceQuestionOptions> options, TimeProvider clock)
{
    private static readonly TimeSpan s_firstLook = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan s_longestLook = TimeSpan.FromMilliseconds(250);

    // Those of the project that wait are counted by the statement that adds one; two at once may each count without the other, and one too many is no harm.
    private const string Ask = """
        WITH old AS (DELETE FROM piece_questions WHERE expires_at < $9)
        INSERT INTO piece_questions (id, project_id, kind, piece, part, input, search, connection, created_at, expires_at, context)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $12
        WHERE (SELECT count(*) FROM piece_questions WHERE project_id = $2 AND expires_at >= $9 AND answer IS NULL) < $11
        """;

    /// <returns>The answer, which may be an error of the piece; or why there is none, as 429, 503 or 504.</returns>
    public async Task<(PieceAnswer? Answer, ProblemHttpResult? Problem)> AskAsync(Guid projectId, PieceQuestionOf question, CancellationToken cancel)
    {
        var terms = options.Value;
        var now = clock.GetUtcNow();
        var id = Guid.CreateVersion7(now);
        using var answered = answers.Listen(id);
        await using (var ask = db.CreateCommand(Ask))
        {
            ask.Parameters.AddRange((NpgsqlParameter[])
            [
                RunSql.Value(id, NpgsqlDbType.Uuid), RunSql.Value(projectId, NpgsqlDbType.Uuid), RunSql.Value((short)question.Kind, NpgsqlDbType.Smallint),
                RunSql.Value(question.Piece, NpgsqlDbType.Text), RunSql.Value(question.Part, NpgsqlDbType.Text), RunSql.Value(question.Input.Utf8, NpgsqlDbType.Json),
                RunSql.Value(question.Search, NpgsqlDbType.Text), RunSql.Value(question.Connection, NpgsqlDbType.Text),
                RunSql.Value(now, NpgsqlDbType.TimestampTz), RunSql.Value(now + terms.AnsweredWithin, NpgsqlDbType.TimestampTz), RunSql.Value(terms.AtOnce, NpgsqlDbType.Integer),
                RunSql.Value(question.Context?.Utf8, NpgsqlDbType.Json),
            ]);
            if (await ask.ExecuteNonQueryAsync(cancel) == 0)
            {
                return (null, RunProblems.Of(StatusCodes.Status429TooManyRequests, "too_many_questions",
                    $"{terms.AtOnce} questions of this project to pieces wait for an answer already. Try again in a few seconds."));
            }
        }
        bell.Ring();
        try
        {
            return await WaitAsync(id, answered.Arrived, terms, cancel);
        }
        finally
        {
            await ForgetAsync(id);
        }
    }

    private async Task<(PieceAnswer? Answer, ProblemHttpResult? Problem)> WaitAsync(Guid id, Task arrived, PieceQuestionOptions terms, CancellationToken cancel)
    {
        var start = clock.GetTimestamp();
        for (var look = s_firstLook; ; look = look * 1.5 < s_longestLook ? look * 1.5 : s_longestLook)
        {
            // Through this replica the answer is heard of at once; through another one the next look finds it.
            if (arrived.IsCompleted)
                await Task.Delay(look, clock, cancel);
            else
                await arrived.WaitAsync(look, clock, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancel.ThrowIfCancellationRequested();
            var (isTaken, answer) = await LookAsync(id, cancel);
            if (answer is not null)
                return (answer, null);
            var waited = clock.GetElapsedTime(start);
            if (!isTaken && (waited >= terms.TakenWithin || waited >= terms.AnsweredWithin))
            {
                return (null, RunProblems.Unavailable(
                    $"No worker has taken the question within {waited.TotalSeconds:0.#} s: none is running, or all are busy. Pieces are asked by workers."));
            }
            if (waited >= terms.AnsweredWithin)
                return (null, RunProblems.Of(StatusCodes.Status504GatewayTimeout, "no_answer", $"The service did not answer within {terms.AnsweredWithin.TotalSeconds:0.#} s."));
        }
    }

    private async Task<(bool IsTaken, PieceAnswer? Answer)> LookAsync(Guid id, CancellationToken cancel)
    {
        await using var command = db.CreateCommand("SELECT worker IS NOT NULL, answer FROM piece_questions WHERE id = $1");
        command.Parameters.Add(RunSql.Value(id, NpgsqlDbType.Uuid));
        await using var row = await command.ExecuteReaderAsync(cancel);
        if (!await row.ReadAsync(cancel))
            return (false, null);
        return (row.GetBoolean(0), row.JsonOrNull(1) is { } answer ? JsonSerializer.Deserialize(answer.Utf8.Span, EngineJson.Default.PieceAnswer) : null);
    }

    // Also for a caller who has gone: a worker must not begin with it.
    private async Task ForgetAsync(Guid id)
    {
        try
        {
            await using var command = db.CreateCommand("DELETE FROM piece_questions WHERE id = $1");
            command.CommandTimeout = 5;
            command.Parameters.Add(RunSql.Value(id, NpgsqlDbType.Uuid));
            await command.ExecuteNonQueryAsync();
        }
        catch (NpgsqlException)
        {
            // It expires.
        }
    }
}
