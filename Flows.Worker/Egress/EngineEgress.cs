namespace Flows.Worker.Egress;

/// <summary>The way of one engine to other hosts.</summary>
/// <param name="launcher">What stands before the engine on the command line: it takes the network away; or nothing.</param>
/// <param name="arguments">What stands behind it.</param>
internal class EngineEgress(IReadOnlyList<string> launcher, IReadOnlyList<string> arguments) : IAsyncDisposable
{
    public IReadOnlyList<string> Launcher => launcher;
    public IReadOnlyList<string> Arguments => arguments;

    /// <summary>The broker's socket, which the engine sees at the same path; null when the engine shares the worker's network.</summary>
    public virtual string? SocketPath => null;

    /// <summary>The run that the engine walks, for the log. An engine walks one at a time.</summary>
    public Guid? RunId { get; set; }

    public virtual ValueTask DisposeAsync() => default;
}
