namespace Flows.Contracts.WorkerProtocol;

/// <summary>
/// How long a claim holds and how often it is renewed. The API grants the lease (<c>Flows__Runs__Lease</c>), the worker beats
/// (<c>Flows__Worker__HeartbeatEvery</c>); both check at their start that the two fit, as far as their environment holds both.
/// </summary>
public static class LeaseTerms
{
    public const string LeaseSetting = "Flows:Runs:Lease";
    public const string HeartbeatSetting = "Flows:Worker:HeartbeatEvery";

    /// <summary>
    /// Long enough for one lost heartbeat and a slow answer after it; a dead worker's runs go on elsewhere after at most this and a moment for the sweeper and the bell.
    /// </summary>
    public static readonly TimeSpan DefaultLease = TimeSpan.FromSeconds(6);

    /// <summary>Renewals in one lease when nobody has said how often: one may be lost.</summary>
    public const int BeatsInALease = 3;

    /// <summary>Null when the worker may miss no more than what the lease forgives, else what is wrong.</summary>
    public static string? Problem(TimeSpan lease, TimeSpan? heartbeat) => heartbeat is not { } every || every * 2 <= lease
        ? null
        : $"Flows__Worker__HeartbeatEvery ({every:c}) must be at most half of Flows__Runs__Lease ({lease:c}), or every slow heartbeat costs a worker its runs.";
}
