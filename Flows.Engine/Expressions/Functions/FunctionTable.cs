using System.Collections.Frozen;
using Flows.Contracts.Definitions;

namespace Flows.Engine.Expressions;

/// <summary>Every function an expression may call: the one table behind evaluation, suggestions, the catalogue and docs/expressions.md.</summary>
public static class FunctionTable
{
    /// <summary>Groups in the order of the documentation.</summary>
    internal static IReadOnlyList<Function> All { get; } =
    [
        .. Group("Text", TextFunctions.All),
        .. Group("Patterns", PatternFunctions.All),
        .. Group("Numbers", NumberFunctions.All),
        .. Group("Dates", DateFunctions.All),
        .. Group("Texts and lists", SequenceFunctions.All),
        .. Group("Lists", ListFunctions.All),
        .. Group("Sorting, grouping and sums", GroupingFunctions.All),
        .. Group("Objects", ObjectFunctions.All),
        .. Group("Types and defaults", TypeFunctions.All),
        .. Group("JSON", JsonFunctions.All),
        .. Group("Encoding", EncodingFunctions.All),
        .. Group("Hashes", HashFunctions.All),
        .. Group("Chance", RandomFunctions.All),
        .. Group("Links", LinkFunctions.All),
    ];

    private static readonly FrozenDictionary<string, Function> s_byName = All
        .SelectMany(function => function.Aliases.Prepend(function.Name).Select(name => KeyValuePair.Create(name, function)))
        .ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Names and other names.</summary>
    public static IEnumerable<string> Names => s_byName.Keys;

    /// <summary>For the engine's catalogue: one entry for each name, other names too.</summary>
    public static IReadOnlyList<FunctionDescription> Describe() =>
    [
        .. All.Select(function => new FunctionDescription(function.Name, function.Group, function.Signature.Text, function.Help)),
        .. All.SelectMany(function => function.Aliases.Select(alias =>
            new FunctionDescription(alias, function.Group, alias + function.Signature.Text[function.Name.Length..], $"Another name of {function.Name}."))),
    ];

    internal static Function? Find(string name) => s_byName.GetValueOrDefault(name);

    private static IEnumerable<Function> Group(string name, IReadOnlyList<Function> functions) => functions.Select(function => function.In(name));
}
