using System.ComponentModel.DataAnnotations;
using Flows.Contracts.WorkerProtocol;
using Microsoft.Extensions.Options;

namespace Flows.Api.Runs;

/// <summary>How runs are taken in, held and taken back.</summary>
public sealed class RunOptions
{
    public const string Section = "Flows:Runs";

    /// <summary>
    /// How long a claim holds without a heartbeat. A dead worker's run goes on elsewhere after this and up to a second more. 6 s by default; at
    /// least twice <c>Flows__Worker__HeartbeatEvery</c>.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")]
    public TimeSpan Lease { get; set; } = LeaseTerms.DefaultLease;

    /// <summary>Leases that a run may lose before it fails with <c>attempts_exhausted</c>; a run that kills its worker must end. 5 by default.</summary>
    [Range(1, 100)]
    public int MaxAttempts { get; set; } = 5;

    /// <summary>How long an accepted run may wait unclaimed before a sweeper puts it on the queue again. 10 s by default.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan RingAgainAfter { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How deep flows may call flows; a circle of calls ends here. 20 by default.</summary>
    [Range(1, 1000)]
    public int MaxCallDepth { get; set; } = 20;

    /// <summary>How often the sweepers look: for leases that have run out, waits that are due, and runs that wait unseen. One second by default, with a jitter of a tenth.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan SweepEvery { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a caller waits for its run to be written before it is told to come back. 10 s by default.</summary>
    [Range(typeof(TimeSpan), "00:00:00.500", "00:02:00")]
    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Callers of one API instance that may wait for the end of a run at the same time. 10,000 by default.</summary>
    [Range(1, 1_000_000)]
    public int MaxWaiters { get; set; } = 10_000;

    /// <summary>
    /// How long callers that wait for a run go on waiting once this process is told to stop; then each is told where to look. It must be well
    /// below the time after which the process is killed. 10 s by default; 0 answers at once.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:00:25")]
    public TimeSpan StopPatience { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Memory, in MiB, for payloads that wait to be written; more is answered with 503. 256 by default.</summary>
    [Range(1, 65_536)]
    public int PendingMiB { get; set; } = 256;
}

/// <summary>The heartbeat as this process sees it: workers may be told otherwise, and then they keep to the lease.</summary>
internal sealed class LeaseCheck(IConfiguration configuration) : IValidateOptions<RunOptions>
{
    public ValidateOptionsResult Validate(string? name, RunOptions options) =>
        LeaseTerms.Problem(options.Lease, configuration.GetValue<TimeSpan?>(LeaseTerms.HeartbeatSetting)) is { } problem
            ? ValidateOptionsResult.Fail(problem)
            : ValidateOptionsResult.Success;
}

/// <summary>Times after which something is given up.</summary>
public sealed class RunTimeouts
{
    public const string Section = "Flows:Timeouts";

    /// <summary>Active time of one run, pauses excluded, where its project has no limit of its own. Ten minutes by default.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan Flow { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>How long the caller of a synchronous webhook waits for its answer. 30 s by default, 15 minutes at most.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:15:00")]
    public TimeSpan Webhook { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Time of one poll of a trigger. 60 s by default.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan Trigger { get; set; } = TimeSpan.FromSeconds(60);
}
