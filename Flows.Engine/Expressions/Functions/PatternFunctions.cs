using System.Text;
using System.Text.RegularExpressions;

namespace Flows.Engine.Expressions;

/// <summary>
/// Regular expressions as .NET reads them, without regard to language. Most are searched in a time that grows only with the text;
/// those with look-around or back-references go back over it, and are stopped after <see cref="ExpressionLimits.PatternTime"/>.
/// </summary>
internal static class PatternFunctions
{
    private const string Flags = "Flags: 'i' ignores capitals, 'm' lets ^ and $ match at lines, 's' lets . match line ends.";

    public static IReadOnlyList<Function> All { get; } =
    [
        new("test(text, pattern, flags?)", $"Whether the pattern is found. {Flags}", call => Value.Of(Search(call, (text, pattern) => pattern.IsMatch(text)))),
        new("match(text, pattern, flags?)", "The first place as a list: all of it, then its groups; null when there is none.",
            call => Search(call, (text, pattern) => Groups(call, pattern.Match(text)))),
        new("matchAll(text, pattern, flags?)", "A list of such lists, one for each place.", MatchAll),
        new("matchGroups(text, pattern, flags?)", "The named groups (?<name>…) of the first place as an object; null when there is none.", MatchGroups),
        new("replacePattern(text, pattern, replacement, flags?)", "With every place replaced; $1 and ${name} stand for groups.", Replace),
        new("splitPattern(text, pattern, flags?)", "The parts between the places.", Split),
        new("escapePattern(text)", "Made into a pattern that finds exactly this text.", call => call.Result(Regex.Escape(call.Text(0)))),
    ];

    private static T Search<T>(FunctionCall call, Func<string, Regex, T> search, int flags = 2)
    {
        var text = call.Text(0);
        call.Context.Step(1 + text.Length / 64);
        try
        {
            return search(text, Patterns.Of(call, call.Text(1), call.Text(flags, "")));
        }
        catch (RegexMatchTimeoutException error)
        {
            throw new ExpressionException(
                $"{call.Name}(): the search takes longer than {call.Context.Limits.PatternTime.TotalMilliseconds:0} ms; the pattern goes back over the text too often (limit: pattern time)", call.At, inner: error)
            { IsLimit = true };
        }
    }

    private static Value Groups(FunctionCall call, Match match) =>
        !match.Success ? Value.Null : call.Result([.. match.Groups.Values.Select(group => group.Success ? Value.Of(group.Value) : Value.Null)]);

    private static IEnumerable<Match> Matches(FunctionCall call, string text, Regex pattern)
    {
        var found = 0;
        for (var match = pattern.Match(text); match.Success; match = match.NextMatch())
        {
            // Each search has its time; all of them together have that of the expression.
            call.Context.Step();
            call.Context.Work(text.Length);
            call.Room(++found);
            yield return match;
        }
    }

    private static Value MatchAll(FunctionCall call) => Search(call, (text, pattern) =>
        call.Result([.. Matches(call, text, pattern).Select(match => Groups(call, match))]));

    private static Value MatchGroups(FunctionCall call) => Search(call, (text, pattern) =>
    {
        var match = pattern.Match(text);
        if (!match.Success)
            return Value.Null;
        var result = new ValueObject.Builder();
        foreach (var group in match.Groups.Values.Where(group => !char.IsAsciiDigit(group.Name[0])))
            result.Set(group.Name, group.Success ? Value.Of(group.Value) : Value.Null);
        return call.Result(result);
    });

    private static Value Replace(FunctionCall call) => Search(call, (text, pattern) =>
    {
        var replacement = call.Text(2);
        var (result, end) = (new StringBuilder(), 0);
        foreach (var match in Matches(call, text, pattern))
        {
            var with = match.Result(replacement);
            result.Append(text, end, match.Index - end).Append(with);
            call.Context.Text(with.Length);
            if (result.Length > call.Context.Limits.TextLength)
                call.Context.Text(result.Length);
            end = match.Index + match.Length;
        }
        return call.Result(result.Append(text, end, text.Length - end).ToString());
    }, flags: 3);

    private static Value Split(FunctionCall call) => Search(call, (text, pattern) =>
    {
        var (parts, end) = (new List<Value>(), 0);
        foreach (var match in Matches(call, text, pattern))
        {
            if (match.Length == 0 && (match.Index == 0 || match.Index == text.Length))
                continue;
            parts.Add(Value.Of(text[end..match.Index]));
            end = match.Index + match.Length;
        }
        parts.Add(Value.Of(text[end..]));
        return call.Result(parts);
    });
}
