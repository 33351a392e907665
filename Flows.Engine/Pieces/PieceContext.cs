using Flows.Contracts.Json;

namespace Flows.Engine.Pieces;

/// <summary>What an action may use beside its input.</summary>
/// <param name="IdempotencyKey">The same for every try of this step in this run, also after a crash: hand it to services that honour one.</param>
/// <param name="Connection">The connection the step names, with its secrets; null when it names none.</param>
/// <param name="Http">The way to other hosts.</param>
/// <param name="MaxBytes">Largest output of one step; nothing larger need be read.</param>
internal sealed record PieceContext(
    Guid RunId, Guid FlowId, string IdempotencyKey, RawJson? Connection, OutboundHttp Http, TimeProvider Clock, long MaxBytes)
{
    /// <summary>Connections for protocols other than HTTP.</summary>
    public OutboundNetwork Network => Http.Network;

    /// <summary>What the host does for the step at the API; nothing when there is no host.</summary>
    public HostCaller Calls { get; init; } = HostCaller.Nobody;

    /// <summary>The files of the run.</summary>
    public RunFiles Files => new(Calls);

    /// <summary>What the flow or its project keeps between runs.</summary>
    public KeptValues Storage => new(Calls);
}
