namespace Flows.Engine.Pieces;

/// <summary>Tells the services that a traced run calls whose trace they are a part of: the header traceparent, unless the flow sends one of its own.</summary>
internal sealed class OutgoingTrace(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    private const string Header = "traceparent";
    private static readonly AsyncLocal<string?> s_parent = new();

    /// <summary>The span that this run's requests belong to; null when it is not traced. It holds for what the caller calls from here on.</summary>
    public static string? Parent
    {
        get => s_parent.Value;
        set => s_parent.Value = value;
    }

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (Parent is { } parent && !request.Headers.Contains(Header))
            request.Headers.TryAddWithoutValidation(Header, parent);
        return base.SendAsync(request, cancellationToken);
    }
}
