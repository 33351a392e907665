namespace Flows.Contracts.EngineProtocol;

/// <summary>How many questions of one run may be without an answer.</summary>
public static class PendingCalls
{
    /// <summary>Of code and of the API together. An engine that has more of them open is not one of ours, and is ended.</summary>
    public const int Most = 1_000;

    /// <summary>
    /// What an engine keeps to, of each kind: further steps wait for their turn. Less than half, because the worker may read the next question before it has
    /// put the answered one away.
    /// </summary>
    public const int MostOfAKind = 400;
}
