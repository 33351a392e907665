using Flows.Api.Runs;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Waits;

/// <summary>How an approval stands.</summary>
public enum ApprovalState
{
    /// <summary>Words are taken.</summary>
    Open,
    Approved,
    Refused,
    /// <summary>Nobody decided in time.</summary>
    Expired,
    /// <summary>The run that asked is over.</summary>
    Over,
}

/// <summary>An approval as its link shows it.</summary>
/// <param name="Flow">Name of the flow that asks.</param>
/// <param name="Message">What the flow says of it; null while the run has not got there.</param>
/// <param name="Approvers">Approvals needed; 0 while the run has not got there.</param>
/// <param name="Approver">Whose link it is; null for anybody's.</param>
public sealed record ApprovalView(
    Guid RunId, string Path, string Flow, RawJson? Message, ApprovalState State, int Approvers, DateTimeOffset? Expires, string? Approver, IReadOnlyList<Vote> Votes);

/// <param name="Decision"><c>approve</c> or <c>refuse</c>.</param>
/// <param name="Name">Who says so, when the link does not tell.</param>
public sealed record VoteRequest(string Decision, string? Comment = null, string? Name = null);

/// <summary>What came of a word.</summary>
/// <param name="Status">HTTP status: 200 when it counts (or did before), else what is wrong with it.</param>
/// <param name="Problem">A plain sentence; null when it counts.</param>
internal sealed record VoteResult(int Status, string? Problem, string? Field = null);

/// <summary>Takes people's words on approvals. Each person counts once; one refusal decides, and so do as many approvals as the step needs.</summary>
internal sealed class Approvals(RunStore store, RunAnnouncer announcer, NpgsqlDataSource db, TimeProvider clock)
{
    public const int LongestName = 200;
    public const int LongestComment = 2_000;

    /// <summary>The name for whoever uses a link that is nobody's own and gives no name.</summary>
    private const string Anybody = "holder of the link";

    private static readonly VoteResult s_counts = new(StatusCodes.Status200OK, null);

    /// <summary>Null: the run is gone.</summary>
    public async Task<ApprovalView?> FindAsync(ResumeToken link, CancellationToken cancel)
    {
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var command = new NpgsqlCommand($"""
            SELECT {RunStore.PointColumns}, r.status, coalesce(f.name, ''), w.path IS NOT NULL FROM runs r
            LEFT JOIN flows f ON f.id = r.flow_id LEFT JOIN waitpoints w ON w.run_id = r.id AND w.path = $2
            WHERE r.id = $1
            """, connection)
        { Parameters = { RunSql.Value(link.RunId, NpgsqlDbType.Uuid), RunSql.Value(link.Path, NpgsqlDbType.Text) } };
        await using var row = await command.ExecuteReaderAsync(cancel);
        if (!await row.ReadAsync(cancel))
            return null;
        var point = row.GetBoolean(13) ? RunStore.ReadWaitPoint(row) : null;
        var ballot = Ballot.Read(point?.Votes);
        return new ApprovalView(link.RunId, link.Path, row.GetString(12), point?.Message, StateOf((RunStatus)row.GetInt16(11), point, ballot),
            point?.Approvers ?? 0, point?.DueAt, link.Approver, ballot.Votes);
    }

    public async Task<VoteResult> VoteAsync(ResumeToken link, VoteRequest request, CancellationToken cancel)
    {
        bool? approved = request.Decision switch { "approve" => true, "refuse" => false, _ => null };
        if (approved is not { } word)
            return Bad("decision", "decision must be approve or refuse.");
        var (name, comment) = (link.Approver ?? Trimmed(request.Name), Trimmed(request.Comment));
        if (name?.Length > LongestName || name?.Any(char.IsControl) == true)
            return Bad("name", $"A name has at most {LongestName} characters, without line breaks.");
        if (comment?.Length > LongestComment)
            return Bad("comment", $"A comment has at most {LongestComment} characters.");

        var result = s_counts;
        var changed = await store.ChangeWaitAsync(link.RunId, link.Path, wait =>
        {
            (result, var change) = Count(wait, name, word, comment);
            return change;
        }, cancel);
        if (changed is not ({ }, var woken))
            return new VoteResult(StatusCodes.Status410Gone, "The run that asked is gone.");
        if (woken is not null)
            announcer.Announce([woken]);
        return result;
    }

    private (VoteResult, WaitChange?) Count(LockedWait wait, string? name, bool approved, string? comment)
    {
        var ballot = Ballot.Read(wait.Point?.Votes);
        if (RunTransitions.IsFinal(wait.Status))
            return (new VoteResult(StatusCodes.Status410Gone, "The run that asked is over."), null);
        if (wait.Point is { Status: not (WaitStatus.Open or WaitStatus.Completed) })
            return (new VoteResult(StatusCodes.Status410Gone, "The time for this is over; the run has gone on without it."), null);
        if (name is null && wait.Point is { Approvers: > 1 })
            return (Bad("name", $"Please say who you are: {wait.Point.Approvers} people have to approve, and each counts once."), null);
        name ??= Anybody;
        if (ballot.Of(name) is { } before)
        {
            return (before.Approved == approved
                ? s_counts
                : new VoteResult(StatusCodes.Status409Conflict, $"{before.By} has {(before.Approved ? "approved" : "refused")} already; that stands."), null);
        }
        if (wait.Point is { Status: WaitStatus.Completed })
            return (new VoteResult(StatusCodes.Status409Conflict, $"It is {(ballot.IsRefused ? "refused" : "approved")} already."), null);

        var after = ballot.With(new Vote(name, approved, clock.GetUtcNow(), comment));
        // How many are needed is known once the run has got there; a word that came before counts then.
        var decided = wait.Point is { IsAsked: true } asked && after.IsDecided(asked.Approvers);
        return (s_counts, new WaitChange(WaitKind.Approval, decided ? WaitStatus.Completed : WaitStatus.Open, Votes: after.ToJson()));
    }

    private static ApprovalState StateOf(RunStatus run, WaitPoint? point, Ballot ballot) => point switch
    {
        { Status: WaitStatus.Completed } => ballot.IsRefused ? ApprovalState.Refused : ApprovalState.Approved,
        { Status: WaitStatus.Expired } => ApprovalState.Expired,
        _ => RunTransitions.IsFinal(run) ? ApprovalState.Over : ApprovalState.Open,
    };

    private static string? Trimmed(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim().Replace('\0', '\uFFFD');

    private static VoteResult Bad(string field, string problem) => new(StatusCodes.Status400BadRequest, problem, field);
}
