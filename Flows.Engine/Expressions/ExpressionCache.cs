using System.Collections.Concurrent;

namespace Flows.Engine.Expressions;

/// <summary>
/// The strings compiled lately, in two generations: when the young one is full it becomes the old one, and the old one is forgotten.
/// A string that is used is carried over. Bounded by number and, because long strings are not kept, by size.
/// </summary>
internal sealed class ExpressionCache(int generation)
{
    private const int LongestKept = 8 * 1024;

    public static ExpressionCache Shared { get; } = new(2_000);

    private ConcurrentDictionary<string, CompiledText> _young = new(StringComparer.Ordinal);
    private ConcurrentDictionary<string, CompiledText> _old = new(StringComparer.Ordinal);

    public int Count => _young.Count + _old.Count;

    public CompiledText Get(string text, Func<string, CompiledText> compile)
    {
        var young = _young;
        if (young.TryGetValue(text, out var compiled))
            return compiled;
        if (!_old.TryGetValue(text, out compiled))
            compiled = compile(text);
        if (text.Length > LongestKept)
            return compiled;
        if (young.Count >= generation)
            (_old, _young) = (young, new(StringComparer.Ordinal));
        _young.TryAdd(text, compiled);
        return compiled;
    }
}
