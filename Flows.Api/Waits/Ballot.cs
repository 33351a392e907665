using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;
using Flows.Contracts.Json;

namespace Flows.Api.Waits;

/// <summary>One person's word.</summary>
/// <param name="By">The approver whose link it was, or the name that was given.</param>
public sealed record Vote(string By, bool Approved, DateTimeOffset At, string? Comment);

/// <summary>What people have said of one approval. One refusal decides; else it takes as many approvals as the step says.</summary>
internal sealed record Ballot(IReadOnlyList<Vote> Votes)
{
    public static Ballot Read(RawJson? votes) =>
        new(votes is { IsNull: false } json ? JsonSerializer.Deserialize(json.Utf8.Span, WaitsJson.Default.IReadOnlyListVote) ?? [] : []);

    public bool IsRefused => Votes.Any(vote => !vote.Approved);

    public bool IsDecided(int approvers) => IsRefused || Votes.Count >= approvers;

    /// <summary>The word of that person; upper and lower case are one.</summary>
    public Vote? Of(string name) => Votes.FirstOrDefault(vote => string.Equals(vote.By, name, StringComparison.OrdinalIgnoreCase));

    public Ballot With(Vote vote) => new([.. Votes, vote]);

    public RawJson ToJson() => RawJson.FromUtf8(JsonSerializer.SerializeToUtf8Bytes(Votes, WaitsJson.Default.IReadOnlyListVote));

    /// <summary>What the step gives: <c>{ approved, approvals: [{by, at, comment}], refusals: […] }</c>.</summary>
    public RawJson Output
    {
        get
        {
            var buffer = new ArrayBufferWriter<byte>(256);
            using (var writer = new Utf8JsonWriter(buffer))
            {
                writer.WriteStartObject();
                writer.WriteBoolean("approved", !IsRefused);
                Write(writer, "approvals", Votes.Where(vote => vote.Approved));
                Write(writer, "refusals", Votes.Where(vote => !vote.Approved));
                writer.WriteEndObject();
            }
            return RawJson.FromUtf8(buffer.WrittenMemory);
        }
    }

    private static void Write(Utf8JsonWriter writer, string name, IEnumerable<Vote> votes)
    {
        writer.WriteStartArray(name);
        foreach (var vote in votes)
        {
            writer.WriteStartObject();
            writer.WriteString("by", vote.By);
            writer.WriteString("at", vote.At);
            writer.WriteString("comment", vote.Comment);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(IReadOnlyList<Vote>))]
[JsonSerializable(typeof(ApprovalView))]
[JsonSerializable(typeof(VoteRequest))]
[JsonSerializable(typeof(Resumed))]
internal sealed partial class WaitsJson : JsonSerializerContext;
