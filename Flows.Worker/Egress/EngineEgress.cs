namespace Flows.Worker.Egress;

/// <summary>The way of one engine to other hosts.</summary>
/// <param name="arguments">For the engine's command line.</param>
internal class EngineEgress(IReadOnlyList<string> arguments) : IAsyncDisposable
{
    public IReadOnlyList<string> Arguments => arguments;

    /// <summary>The broker's socket, which the engine's box has to show at the same path; null when the engine has a network of its own.</summary>
    public virtual string? SocketPath => null;

    /// <summary>The run that the engine walks, for the log. An engine walks one at a time.</summary>
    public Guid? RunId { get; set; }

    public virtual ValueTask DisposeAsync() => default;
}
