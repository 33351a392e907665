using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Flows.Api;

/// <summary>One page of a list. <see cref="NextCursor"/> is null on the last one, and otherwise the <c>cursor</c> of the next.</summary>
internal sealed record Page<T>(IReadOnlyList<T> Items, string? NextCursor);

internal static class Page
{
    /// <param name="found">One more than <paramref name="limit"/> when there is a next page.</param>
    public static Page<T> Of<T>(List<T> found, int limit, Func<T, Guid> idOf)
    {
        if (found.Count <= limit)
            return new(found, null);
        found.RemoveRange(limit, found.Count - limit);
        return new(found, Base64Url.EncodeToString(idOf(found[^1]).ToByteArray(bigEndian: true)));
    }
}

/// <summary>The query of every list. Lists run from the newest to the oldest, by id.</summary>
internal readonly record struct PageQuery([FromQuery] int? Limit, [FromQuery] string? Cursor)
{
    public const int MaximumLimit = 100;
    private const int DefaultLimit = 50;

    /// <param name="after">The id of the last item of the page before, or null for the first page.</param>
    public bool TryRead(out int limit, out Guid? after, [NotNullWhen(false)] out ProblemHttpResult? problem)
    {
        limit = Limit ?? DefaultLimit;
        after = null;
        problem = null;
        if (limit is < 1 or > MaximumLimit)
        {
            problem = Problems.BadRequest("limit", $"It must be from 1 to {MaximumLimit}.");
            return false;
        }
        if (string.IsNullOrEmpty(Cursor))
            return true;
        Span<byte> id = stackalloc byte[16];
        if (!Base64Url.IsValid(Cursor, out var length) || length != id.Length)
        {
            problem = Problems.BadRequest("cursor", "It is not a cursor of this list.");
            return false;
        }
        Base64Url.DecodeFromChars(Cursor, id);
        after = new Guid(id, bigEndian: true);
        return true;
    }
}

/// <summary>What people call things.</summary>
internal static class DisplayName
{
    public const int MaximumLength = 200;

    /// <summary>Null when the name is fine.</summary>
    public static string? Problem(string name) =>
        string.IsNullOrWhiteSpace(name) ? "It must not be empty."
        : name.Length > MaximumLength ? $"It has {name.Length} characters; at most {MaximumLength} are allowed."
        : name.Any(char.IsControl) ? "It must not contain control characters."
        : null;
}
