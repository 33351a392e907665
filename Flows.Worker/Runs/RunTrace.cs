using System.Buffers.Binary;
using System.Diagnostics;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;

namespace Flows.Worker.Runs;

/// <summary>
/// The spans of one attempt of a traced run: the wait in the queue, the attempt, and its steps as the journal tells of them. They belong to the trace of
/// the request that started the run; a later attempt is linked to that request as well, which may have ended days before.
/// </summary>
internal sealed class RunTrace : IDisposable
{
    private static readonly ActivitySource s_source = new("Flows.Worker");
    private readonly Activity _attempt;

    private RunTrace(Activity attempt) => _attempt = attempt;

    /// <summary>What the engine tells the services that it calls: the span of this attempt.</summary>
    public string Parent => _attempt.Id!;

    /// <summary>Begins the span of an attempt and makes it the present one. Null when the run is not traced, or nobody collects spans.</summary>
    /// <param name="now">The moment of the claim.</param>
    public static RunTrace? Begin(RunClaim claim, string worker, DateTimeOffset now)
    {
        if (claim.TraceParent is null || !s_source.HasListeners() || !ActivityContext.TryParse(claim.TraceParent, null, isRemote: true, out var start))
            return null;

        if (claim.Attempt == 1)
        {
            using var queue = s_source.StartActivity("queue", ActivityKind.Internal, start, startTime: AcceptedAt(claim.RunId));
            queue?.SetEndTime(now.UtcDateTime);
        }
        ActivityLink[] links = claim.Attempt == 1 ? [] : [new ActivityLink(start, new() { ["flows.link"] = "started" })];
        var attempt = s_source.StartActivity(ActivityKind.Consumer, start, links: links, name: "run", startTime: now, tags:
        [
            new("flows.run.id", claim.RunId.ToString()),
            new("flows.run.attempt", claim.Attempt),
            new("flows.run.environment", claim.Environment.ToString()),
            new("flows.flow.id", claim.FlowId.ToString()),
            new("flows.flow.version", claim.VersionId.ToString()),
            new("flows.project.id", claim.ProjectId.ToString()),
            new("flows.worker", worker),
        ]);
        if (attempt is null)
            return null;
        attempt.DisplayName = $"run {claim.FlowName}";
        return new RunTrace(attempt);
    }

    /// <summary>The span of a step that has ended. It carries no input, output or message: those may hold a person's data.</summary>
    public void Step(StepRecord step)
    {
        if (!step.IsFinished || step.DurationMs is not { } took || step.Status == StepStatus.Skipped)
            return;
        using var span = s_source.StartActivity(ActivityKind.Internal, _attempt.Context, name: "step", startTime: step.StartedAt, tags:
        [
            new("flows.step.path", step.Path),
            new("flows.step.kind", step.Kind),
            new("flows.step.piece", step.Piece),
            new("flows.step.tries", step.Attempt),
            new("flows.step.status", step.Status.ToString()),
        ]);
        if (span is null)
            return;
        span.DisplayName = $"step {step.Name}";
        if (step.Error is { } error)
            span.SetTag("error.type", error.Code).SetStatus(ActivityStatusCode.Error, error.Code);
        span.SetEndTime(step.StartedAt.UtcDateTime.AddMilliseconds(took));
    }

    /// <summary>How the attempt has left the run.</summary>
    public void End(RunOutcome outcome)
    {
        _attempt.SetTag("flows.run.status", outcome.Status.ToString());
        if (outcome.Error is { } error)
            _attempt.SetTag("error.type", error.Code).SetStatus(ActivityStatusCode.Error, error.Code);
    }

    public void Dispose() => _attempt.Dispose();

    // A run's id is a UUIDv7: its first 48 bits are the milliseconds of its acceptance.
    private static DateTimeOffset AcceptedAt(Guid run)
    {
        Span<byte> bytes = stackalloc byte[16];
        run.TryWriteBytes(bytes, bigEndian: true, out _);
        return DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64BigEndian(bytes) >>> 16);
    }
}
