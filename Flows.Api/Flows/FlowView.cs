using System.Linq.Expressions;
using System.Text.Json;
using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;

namespace Flows.Api.Flows;

/// <summary>A flow, as callers see it. Its definition is asked for apart.</summary>
internal sealed record FlowView(
    Guid Id, string Name, string? Key, bool Enabled, long DraftRevision, int? PublishedVersion, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    /// <summary>Where its webhook trigger listens; add /sync to wait for the answer.</summary>
    public string? WebhookUrl { get; set; }

    /// <summary>The folder that it lies in; null for none.</summary>
    public Guid? FolderId { get; init; }

    /// <summary>Words that it is found by.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>Its newest runs; only in lists that ask for them, and only when there are any.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public RecentRuns? Recent { get; set; }

    public static FlowView Of(Flow flow, int? publishedVersion, string webhookUrl) =>
        new(flow.Id, flow.Name, flow.Key, flow.Enabled, flow.DraftRevision, publishedVersion, flow.CreatedAt, flow.UpdatedAt)
        {
            WebhookUrl = webhookUrl,
            FolderId = flow.FolderId,
            Tags = flow.Tags,
        };

    /// <summary>The projection, which leaves the definitions in the database.</summary>
    public static Expression<Func<Flow, FlowView>> From(FlowsDb db) => flow => new FlowView(
        flow.Id, flow.Name, flow.Key, flow.Enabled, flow.DraftRevision,
        db.FlowVersions.Where(version => version.Id == flow.PublishedVersionId).Select(version => version.Number).FirstOrDefault(),
        flow.CreatedAt, flow.UpdatedAt)
    { FolderId = flow.FolderId, Tags = flow.Tags };
}

/// <summary>A version in a list.</summary>
/// <param name="Published">It is the one that runs.</param>
internal sealed record FlowVersionView(int Number, bool Published, string? Note, string? CreatedBy, DateTimeOffset CreatedAt);

/// <summary>A version with what it does.</summary>
internal sealed record FlowVersionDetail(int Number, bool Published, string? Note, string? CreatedBy, DateTimeOffset CreatedAt, JsonElement Definition);

/// <param name="Revision">The new ETag of the draft.</param>
/// <param name="Problems">Warnings, and errors when it was saved with <c>lax</c>.</param>
internal sealed record DraftSaved(long Revision, IReadOnlyList<DefinitionProblem> Problems);

/// <param name="Valid">It could be published.</param>
internal sealed record DefinitionVerdict(bool Valid, IReadOnlyList<DefinitionProblem> Problems);
