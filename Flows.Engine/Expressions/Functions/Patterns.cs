using System.Collections.Concurrent;
using System.Text.RegularExpressions;

namespace Flows.Engine.Expressions;

/// <summary>Patterns parsed lately; forgotten all at once when there are too many.</summary>
internal static class Patterns
{
    private const int Kept = 200;
    private const int MaxLength = 1_000;

    private static readonly ConcurrentDictionary<(string Pattern, RegexOptions Options, TimeSpan Time), Regex> s_patterns = new();

    /// <exception cref="ExpressionException">The pattern or a flag is wrong.</exception>
    public static Regex Of(FunctionCall call, string pattern, string flags)
    {
        var options = RegexOptions.CultureInvariant;
        foreach (var flag in flags)
        {
            options |= flag switch
            {
                'i' => RegexOptions.IgnoreCase,
                'm' => RegexOptions.Multiline,
                's' => RegexOptions.Singleline,
                'g' or 'u' => RegexOptions.None,
                _ => throw call.Fail($"'{flag}' is not a flag; there are i, m and s"),
            };
        }
        if (pattern.Length > MaxLength)
            throw call.Fail($"a pattern has at most {MaxLength} characters");

        var key = (pattern, options, call.Context.Limits.PatternTime);
        if (s_patterns.TryGetValue(key, out var known))
            return known;
        if (s_patterns.Count >= Kept)
            s_patterns.Clear();
        return s_patterns[key] = Parse(call, pattern, options);
    }

    private static Regex Parse(FunctionCall call, string pattern, RegexOptions options)
    {
        try
        {
            return new Regex(pattern, options | RegexOptions.NonBacktracking, call.Context.Limits.PatternTime);
        }
        catch (NotSupportedException)
        {
            return new Regex(pattern, options, call.Context.Limits.PatternTime);
        }
        catch (RegexParseException error)
        {
            throw call.Fail($"'{Shown.Cut(pattern)}' is not a pattern: {Reason(error.Error)} at its character {error.Offset}", error);
        }
    }

    private static string Reason(RegexParseError error)
    {
        // InsufficientClosingParentheses → insufficient closing parentheses
        var words = string.Concat(error.ToString().Select(c => char.IsUpper(c) ? " " + char.ToLowerInvariant(c) : c.ToString()));
        return words.Trim();
    }
}
