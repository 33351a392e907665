namespace Flows.Api.Flows;

/// <summary>An automation. What runs is its published version; what is edited is its draft.</summary>
internal sealed class Flow
{
    public required Guid Id { get; init; }
    public required Guid ProjectId { get; init; }
    public required string Name { get; set; }
    /// <summary>A name of the builder's choice, unique in the project, that other flows may call it by.</summary>
    public string? Key { get; set; }
    /// <summary>A disabled flow keeps everything and takes no triggers.</summary>
    public bool Enabled { get; set; } = true;
    /// <summary>JSON text, as the builder sent it.</summary>
    public required string Draft { get; set; }
    /// <summary>Grows with every change of the draft: its ETag.</summary>
    public long DraftRevision { get; set; } = 1;
    public Guid? PublishedVersionId { get; set; }
    public required DateTimeOffset CreatedAt { get; init; }
    public required DateTimeOffset UpdatedAt { get; set; }
    /// <summary>Null: in none.</summary>
    public Guid? FolderId { get; set; }
    /// <summary>Words that it is found by, in the order of the alphabet.</summary>
    public string[] Tags { get; set; } = [];
    /// <summary>Set: gone for everybody but its runs.</summary>
    public DateTimeOffset? DeletedAt { get; set; }
    /// <summary>Set together with <see cref="DeletedAt"/>: from then on it is taken away for good.</summary>
    public DateTimeOffset? PurgeAt { get; set; }
    public DateTimeOffset? PurgeStartedAt { get; set; }
    public long PurgedRuns { get; set; }
}

/// <summary>A definition that never changes: engines and workers keep it by id.</summary>
internal sealed class FlowVersion
{
    public required Guid Id { get; init; }
    public required Guid FlowId { get; init; }
    /// <summary>1, 2, 3 … within the flow. Null: a snapshot of a draft, made for a test run.</summary>
    public required int? Number { get; init; }
    /// <summary>JSON text.</summary>
    public required string Definition { get; init; }
    public string? Note { get; init; }
    public string? CreatedBy { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
}
