namespace Flows.LocalHosting.Dashboard.Traces;

/// <summary>As OpenTelemetry numbers it.</summary>
internal enum SpanKind
{
    Unknown = 0,
    Internal = 1,
    Server = 2,
    Client = 3,
    Producer = 4,
    Consumer = 5,
}

/// <summary>One piece of work that a process has told of.</summary>
/// <param name="ParentId">Empty for the first of its trace.</param>
/// <param name="Service">The resource in the diagram: api, worker.</param>
/// <param name="Instance">Which of its replicas.</param>
/// <param name="Links">Ids of other traces that it belongs with.</param>
internal sealed record Span(
    string TraceId, string Id, string ParentId, string Service, string Instance, string Name, SpanKind Kind, DateTimeOffset Start, DateTimeOffset End, bool IsError, string Error,
    IReadOnlyList<KeyValuePair<string, string>> Tags, IReadOnlyList<string> Links)
{
    public TimeSpan Took => End > Start ? End - Start : TimeSpan.Zero;

    public string? Tag(string name) => Tags.FirstOrDefault(tag => tag.Key == name).Value;
}
