using System.Collections.Immutable;
using System.Text.Json;

namespace Flows.Contracts.Definitions;

/// <summary>How a field uses the expressions in it.</summary>
internal enum SiteUse
{
    /// <summary>Any JSON; strings may hold expressions.</summary>
    Value,
    /// <summary>The same, and connections may be named.</summary>
    ActionInput,
    /// <summary>One expression that gives true or false.</summary>
    Condition,
    /// <summary>One expression that gives a list, or a list.</summary>
    Items,
    /// <summary>No expression: nothing has run yet.</summary>
    Trigger,
}

/// <summary>A field that may hold expressions, and what it can see from where it stands.</summary>
/// <param name="Step">The step it belongs to.</param>
/// <param name="Visible">The steps before it, and the loops around it.</param>
internal sealed record ExpressionSite(string Path, JsonElement Value, SiteUse Use, string Step, ImmutableHashSet<string> Visible);
