using Flows.Contracts.EngineProtocol;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces;

/// <summary>A list that only the service knows, such as its channels: what the form offers for an input.</summary>
/// <param name="Name">lower_snake, unique in the piece.</param>
/// <param name="ListAsync">Gives at most <see cref="PropOption.Most"/>, those first that the user is most likely to want.</param>
internal sealed record OptionSource(string Name, Func<OptionQuestion, PieceContext, CancellationToken, Task<IReadOnlyList<PropOption>>> ListAsync);

/// <param name="Input">What the form holds so far, unchecked; an object.</param>
/// <param name="Search">What the user has typed; empty for nothing.</param>
internal sealed record OptionQuestion(Value Input, string Search)
{
    /// <summary>True when the user may mean this: each word is in one of the texts, in whatever case.</summary>
    public bool Matches(params ReadOnlySpan<string> texts)
    {
        foreach (var word in Search.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var found = false;
            foreach (var text in texts)
                found |= text.Contains(word, StringComparison.OrdinalIgnoreCase);
            if (!found)
                return false;
        }
        return true;
    }
}
