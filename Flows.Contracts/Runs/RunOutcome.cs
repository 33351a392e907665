using Flows.Contracts.Json;

namespace Flows.Contracts.Runs;

/// <summary>How an engine left a run: the status it moves to and what goes with it.</summary>
/// <param name="Status">Succeeded, Failed, TimedOut, NeedsDecision, Paused, or Queued when a worker hands the run back at a step boundary.</param>
/// <param name="Output">What the caller of the run gets: the body of <c>respond</c>, else the output of the last step.</param>
/// <param name="Error">Why it failed; null when it did not.</param>
/// <param name="FailedStep">Path of the step that failed, was running at the timeout, or needs a decision.</param>
/// <param name="Waits">Paused: what the run waits for that the API does not know of yet; null for nothing new.</param>
public sealed record RunOutcome(
    RunStatus Status, RawJson? Output = null, StepError? Error = null, string? FailedStep = null, IReadOnlyList<WaitRequest>? Waits = null);

/// <summary>The answer to the HTTP request that started a run, made by a <c>respond</c> step.</summary>
/// <param name="Status">HTTP status, 200–599.</param>
/// <param name="Headers">Header names and values; null for none. Hop-by-hop headers are dropped by the API.</param>
/// <param name="Body">A JSON value. A string is sent as text/plain unless a content type is given, anything else as application/json.</param>
public sealed record RunResponse(int Status, IReadOnlyDictionary<string, string>? Headers, RawJson Body);
